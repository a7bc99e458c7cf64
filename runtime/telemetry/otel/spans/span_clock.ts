import type { TimeInput } from "@opentelemetry/api";

/** Milliseconds between two comparisons with the system clock, which may be set while the process runs. */
const CHECK_INTERVAL_MS = 1_000;
/** Milliseconds of difference that are ignored: `Date.now()` has no fractions, and the two clocks are read in turn. */
const TOLERANCE_MS = 5;
let originMs = performance.timeOrigin, checkAtMs = 0;

/**
 * Returns milliseconds since 1970 with microsecond resolution. `Date.now()` has no fractions, and `performance.now()`
 * does not follow when the system clock is set or the machine sleeps.
 */
export function nowMs(): number {
  return epochMs(performance.now());
}

/** Converts a value of `performance.now()`, read just now, to milliseconds since 1970. */
export function epochMs(sinceOriginMs: number): number {
  if (sinceOriginMs >= checkAtMs) {
    checkAtMs = sinceOriginMs + CHECK_INTERVAL_MS;
    const systemMs = Date.now() - sinceOriginMs;
    if (Math.abs(systemMs - originMs) > TOLERANCE_MS) originMs = systemMs;
  }
  return originMs + sinceOriginMs;
}

/** Converts a time of the OpenTelemetry API: a date, seconds and nanoseconds, `Date.now()` or `performance.now()`. */
export function toMs(time: TimeInput): number {
  if (time instanceof Date) return time.getTime();
  if (typeof time !== "number") return time[0] * 1_000 + time[1] / 1_000_000;
  if (time > 1e11) return time; // no process runs for three years, so it counts from 1970
  return time <= performance.now() ? originMs + time : time;
}
