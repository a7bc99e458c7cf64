import type { Clock } from "../engine/clock.ts";
import type { Metrics } from "./otel/metrics.ts";

/** Often enough to find a handler that computes for a while; an idle process wakes ten times a second for it. */
const TICK_MS = 100;
/** So long, and up to twice as long, a lag is shown: longer than there is between two scrapes. */
const REMEMBERED_MS = 30_000;

/** What this process uses, and how long its thread was not free. Returns what ends it. */
export function measureProcess(metrics: Metrics, clock: Clock): () => void {
  metrics.total("process.cpu.time", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge("process.memory.usage", () => [[Deno.memoryUsage().rss]]);

  let dueMs = performance.now() + TICK_MS, largestMs = 0, earlierMs = 0, sinceMs = performance.now();
  let cancel = () => {};
  const lateMs = () => Math.max(0, performance.now() - dueMs);
  const tick = () => {
    cancel = clock.timer(TICK_MS, () => {
      largestMs = Math.max(largestMs, lateMs());
      if (performance.now() - sinceMs > REMEMBERED_MS) { // whoever looks takes it from nobody else
        earlierMs = largestMs;
        largestMs = 0;
        sinceMs = performance.now();
      }
      dueMs = performance.now() + TICK_MS;
      tick();
    });
  };
  tick();
  metrics.gauge("weir.event_loop.lag", () => [[Math.max(earlierMs, largestMs, lateMs()) / 1_000]]);
  return () => cancel();
}
