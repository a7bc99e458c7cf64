/**
 * Ends so many spans as fast as it can, each of them with a turn of the event loop now and then, and prints how long
 * the longest turn took, what was dropped, what memory grew by, and how long the shutdown took.
 */
import { trace } from "@opentelemetry/api";
import { droppedCount } from "../../runtime/telemetry/otel/export/dropped_items.ts";
import { setupTracing } from "../../runtime/telemetry/setup_tracing.ts";

const SPANS = 300_000, TURN = 500;
const tracing = await setupTracing((name) => Deno.env.get(name), "load");
const tracer = trace.getTracer("load");
let longestMs = 0, warmBytes = 0;
for (let ended = 0; ended < SPANS; ended += TURN) {
  const startedAt = performance.now();
  for (let i = 0; i < TURN; i++) {
    tracer.startSpan("load", { attributes: { "load.number": ended + i, "load.text": "x".repeat(100) } }).end();
  }
  await new Promise((resolve) => setTimeout(resolve));
  longestMs = Math.max(longestMs, performance.now() - startedAt);
  if (ended === SPANS / 3) warmBytes = Deno.memoryUsage().rss;
}
const grownBytes = Deno.memoryUsage().rss - warmBytes;
const startedAt = performance.now();
await tracing.shutdown();
const shutdownMs = performance.now() - startedAt;
console.log(JSON.stringify({ spans: SPANS, longestMs, grownBytes, shutdownMs, dropped: droppedCount("traces") }));
