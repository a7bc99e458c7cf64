/**
 * Ends spans as fast as it can and yields to the event loop in between. Prints the duration of the longest tick, the
 * dropped spans, the growth of memory, and the duration of the shutdown.
 */
import { trace } from "@opentelemetry/api";
import { droppedCount } from "../../runtime/telemetry/otel/export/dropped_items.ts";
import { setupTracing } from "../../runtime/telemetry/setup_tracing.ts";

const SPANS = 300_000, SPANS_PER_TICK = 500;
const tracing = await setupTracing((name) => Deno.env.get(name), "load");
const tracer = trace.getTracer("load");
let longestMs = 0, warmBytes = 0;
for (let ended = 0; ended < SPANS; ended += SPANS_PER_TICK) {
  const startedAt = performance.now();
  for (let i = 0; i < SPANS_PER_TICK; i++) {
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
Deno.exit(); // an export still in flight may take an hour
