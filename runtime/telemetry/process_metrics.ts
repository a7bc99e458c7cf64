import type { Clock } from "../flow/ports.ts";
import type { Metrics } from "./metrics.ts";

/** Often enough to find a handler that computes for a while; an idle process wakes ten times a second for it. */
const TICK_MS = 100;

/** What this process uses, and how long its thread was not free. Returns what ends it. */
export function measureProcess(metrics: Metrics, clock: Clock): () => void {
  metrics.total("process.cpu.time", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge("process.memory.usage", () => [[Deno.memoryUsage().rss]]);

  let dueMs = performance.now() + TICK_MS, largestMs = 0;
  let cancel = () => {};
  const lateMs = () => Math.max(0, performance.now() - dueMs);
  const tick = () => {
    cancel = clock.timer(TICK_MS, () => {
      largestMs = Math.max(largestMs, lateMs());
      dueMs = performance.now() + TICK_MS;
      tick();
    });
  };
  tick();
  metrics.gauge("weir.event_loop.lag", () => {
    const lag = Math.max(largestMs, lateMs());
    largestMs = 0;
    return [[lag / 1_000]];
  });
  return () => cancel();
}
