import type { TimeInput } from "@opentelemetry/api";

/** Milliseconds between two comparisons with the system clock, which may be set while the process runs. */
const CHECK_INTERVAL_MS = 1_000;
/** Milliseconds of difference that are ignored: `Date.now()` has no fractions, and the two clocks are read in turn. */
const TOLERANCE_MS = 5;
/**
 * Calls that compare the clocks at the start, so that V8 knows this branch when it compiles the callers: it would discard
 * their code at the next comparison, and compile them once more, see bench.
 */
const FIRST_COMPARISONS = 100;
/** The system's time less the monotonic time. */
let offsetMs = 0, checkAtMs = 0, comparisons = 0;

/**
 * Returns milliseconds since 1970 with microsecond resolution. `Date.now()` has no fractions, and `performance.now()`
 * does not follow when the system clock is set or the machine sleeps.
 */
export function nowMs(): number {
  return epochMs(performance.timeOrigin + performance.now());
}

/**
 * Converts monotonic time to milliseconds since 1970.
 *
 * @param monotonicMs `performance.timeOrigin + performance.now()`, read just now
 */
export function epochMs(monotonicMs: number): number {
  if (monotonicMs >= checkAtMs) {
    if (++comparisons > FIRST_COMPARISONS) checkAtMs = monotonicMs + CHECK_INTERVAL_MS;
    const aheadMs = Date.now() - monotonicMs;
    if (Math.abs(aheadMs - offsetMs) > TOLERANCE_MS) offsetMs = aheadMs;
  }
  return monotonicMs + offsetMs;
}

/** Converts a time of the OpenTelemetry API: a date, seconds and nanoseconds, `Date.now()` or `performance.now()`. */
export function toMs(time: TimeInput): number {
  if (time instanceof Date) return time.getTime();
  if (typeof time !== "number") return time[0] * 1_000 + time[1] / 1_000_000;
  if (time > 1e11) return time; // no process runs for three years, so it counts from 1970
  return time <= performance.now() ? performance.timeOrigin + offsetMs + time : time;
}
