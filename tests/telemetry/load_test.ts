import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startReceiver } from "./receiver.ts";

const PROGRAM = fileURLToPath(new URL("load_program.ts", import.meta.url));

interface Load {
  spans: number;
  longestMs: number;
  grownBytes: number;
  shutdownMs: number;
  dropped: number;
}

async function load(endpoint: string): Promise<Load> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("OTEL_"));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM],
    clearEnv: true,
    env: { ...Object.fromEntries(kept), OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    stderr: "inherit",
  }).output();
  assert.equal(code, 0);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** No tick waits for the collector, whose timeout is two seconds, and memory grows by that of a full queue. */
function assertUnharmed({ longestMs, grownBytes, shutdownMs }: Load): void {
  assert.ok(longestMs < 1_900, `a tick took ${longestMs} ms`);
  assert.ok(grownBytes < 100_000_000, `memory grew by ${grownBytes} bytes`);
  assert.ok(shutdownMs < 3_000, `shutting down took ${shutdownMs} ms`);
}

Deno.test("setupTracing without a collector blocks no tick, bounds memory, and counts every dropped span", async () => {
  const run = await load("http://127.0.0.1:1");
  assertUnharmed(run);
  assert.equal(run.dropped, run.spans);
});

Deno.test("setupTracing with a collector that never answers blocks no tick, and counts every dropped span", async () => {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  await using receiver = startReceiver(() => end.then(() => Response.json({})));
  const run = await load(receiver.url);
  resolve();
  assertUnharmed(run);
  assert.equal(run.dropped, run.spans);
});

Deno.test("setupTracing with a slow collector exports or drops every span", async () => {
  await using receiver = startReceiver(async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return Response.json({});
  });
  const run = await load(receiver.url);
  assertUnharmed(run);
  const taken = receiver.spans().length;
  assert.ok(run.dropped > 0 && taken > 1_024, `${taken} were taken, ${run.dropped} dropped`);
  // The collector may have received the last batch although its response did not arrive.
  const unanswered = taken + run.dropped - run.spans;
  assert.ok(unanswered === 0 || unanswered === 1_024, `${unanswered} are counted on both sides`);
});
