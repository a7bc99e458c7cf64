import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startReceiver } from "./receiver.ts";

const PROGRAM = fileURLToPath(new URL("story_program.ts", import.meta.url));

/** Runs the story program with a payment service that fails twice, and a collector. */
export async function runStory(env: Record<string, string> = {}, args: string[] = []) {
  await using receiver = startReceiver();
  const charged: Record<string, string | null>[] = [];
  await using payments = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
    charged.push({ traceparent: headers.get("traceparent"), baggage: headers.get("baggage") });
    return new Response(null, { status: charged.length <= 2 ? 503 : 200 });
  });
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("OTEL_"));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, ...args],
    clearEnv: true,
    env: {
      ...Object.fromEntries(kept),
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      PAYMENT_URL: `http://127.0.0.1:${payments.addr.port}`,
      ...env,
    },
    stderr: "inherit",
  }).output();
  assert.equal(code, 0);
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  const said = lines.pop() as { status: number; tenants: string[]; baggage: string };
  return { said, log: lines as Record<string, unknown>[], spans: receiver.spans(), charged };
}
