import { fileURLToPath } from "node:url";
import { startCollector } from "../support/collector.ts";
import { runWithoutOtel } from "../support/telemetry_program.ts";

const PROGRAM = fileURLToPath(new URL("story_program.ts", import.meta.url));

/** Runs the story program with a payment service that fails twice, and a collector. */
export async function runStory(env: Record<string, string> = {}, args: string[] = []) {
  await using receiver = startCollector();
  const charged: Record<string, string | null>[] = [];
  await using payments = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
    charged.push({ traceparent: headers.get("traceparent"), baggage: headers.get("baggage") });
    return new Response(null, { status: charged.length <= 2 ? 503 : 200 });
  });
  const PAYMENT_URL = `http://127.0.0.1:${payments.addr.port}`;
  const text = await runWithoutOtel(PROGRAM, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, PAYMENT_URL, ...env }, args);
  const lines = text.trim().split("\n").map((line) => JSON.parse(line));
  const said = lines.pop() as { status: number; tenants: string[]; baggage: string };
  return { said, log: lines as Record<string, unknown>[], spans: receiver.spans(), charged };
}
