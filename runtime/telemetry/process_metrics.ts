import type { Clock } from "../engine/clock.ts";
import type { Metrics } from "./metrics.ts";

/** Milliseconds between two measurements: short enough to notice a handler that blocks, and few wake-ups when idle. */
const INTERVAL_MS = 100;
/** Milliseconds that the largest lag is shown, and up to twice as long: longer than the time between two scrapes. */
const SHOWN_MS = 30_000;

/** Measures the CPU time, memory and event-loop lag of this process. Returns a function that stops it. */
export function measureProcess(metrics: Metrics, clock: Clock): () => void {
  metrics.observableCounter("process.cpu.time", () => {
    const { user, system } = process.cpuUsage();
    return [[(user + system) / 1e6]];
  });
  metrics.gauge("process.memory.usage", () => [[Deno.memoryUsage().rss]]);

  let dueMs = performance.now() + INTERVAL_MS, largestMs = 0, previousMs = 0, sinceMs = performance.now();
  let cancel = () => {};
  const lateMs = () => Math.max(0, performance.now() - dueMs);
  const schedule = () => {
    cancel = clock.timer(INTERVAL_MS, () => {
      largestMs = Math.max(largestMs, lateMs());
      // Reset by time, not by reading: a scrape must not take the value from another reader.
      if (performance.now() - sinceMs > SHOWN_MS) {
        previousMs = largestMs;
        largestMs = 0;
        sinceMs = performance.now();
      }
      dueMs = performance.now() + INTERVAL_MS;
      schedule();
    });
  };
  schedule();
  metrics.gauge("weir.event_loop.lag", () => [[Math.max(previousMs, largestMs, lateMs()) / 1_000]]);
  return () => cancel();
}
