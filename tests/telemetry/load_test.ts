import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startCollector } from "../support/collector.ts";
import { runWithoutOtel } from "../support/telemetry_program.ts";

const PROGRAM = fileURLToPath(new URL("load_program.ts", import.meta.url));

interface Load {
  spans: number;
  longestMs: number;
  grownBytes: number;
  shutdownMs: number;
  dropped: number;
}

async function load(endpoint: string): Promise<Load> {
  return JSON.parse(await runWithoutOtel(PROGRAM, { ...EXPORTS, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }));
}

/** An export may take an hour: a tick or shutdown that waited for one would far exceed a loaded machine's delays. */
const EXPORTS = { OTEL_EXPORTER_OTLP_TIMEOUT: "3600000", OTEL_BSP_EXPORT_TIMEOUT: "3600000" };

/** No tick and no shutdown waits for an export, and memory grows by that of a full queue. */
function assertUnharmed({ longestMs, grownBytes, shutdownMs }: Load): void {
  assert.ok(longestMs < 60_000, `a tick took ${longestMs} ms`);
  assert.ok(grownBytes < 100_000_000, `memory grew by ${grownBytes} bytes`);
  assert.ok(shutdownMs < 60_000, `shutting down took ${shutdownMs} ms`);
}

Deno.test("setupTracing without a collector blocks no tick, bounds memory, and counts every dropped span", async () => {
  const run = await load("http://127.0.0.1:1");
  assertUnharmed(run);
  assert.equal(run.dropped, run.spans);
});

Deno.test("setupTracing with a collector that never answers blocks no tick, and counts every dropped span", async () => {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  await using receiver = startCollector(() => end.then(() => Response.json({})));
  const run = await load(receiver.url);
  resolve();
  assertUnharmed(run);
  assert.equal(run.dropped, run.spans);
});

Deno.test("setupTracing with a slow collector exports or drops every span", async () => {
  // Four requests in flight take 2,000 spans a second: also a loaded machine ends more.
  await using receiver = startCollector(async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return Response.json({});
  });
  const run = await load(receiver.url);
  assertUnharmed(run);
  const taken = receiver.spans().length;
  assert.ok(run.dropped > 0 && taken > 1_024, `${taken} were taken, ${run.dropped} dropped`);
  // The collector may have received the batches of four requests although its responses did not arrive.
  const unanswered = taken + run.dropped - run.spans;
  assert.ok(unanswered >= 0 && unanswered <= 4 * 1_024, `${unanswered} are counted on both sides`);
});
