import type { TimeInput } from "@opentelemetry/api";

/** The system's clock may be set while the process runs: it is asked so often, and believed when it is so far off. */
const CHECK_MS = 1_000, TOLERANCE_MS = 5;
let originMs = performance.timeOrigin, checkAtMs = 0;

/**
 * Milliseconds since 1970, to the microsecond. `Date.now()` knows no fractions of them, which attempts take; the timer
 * that does never hears that the clock was set, or that the machine slept.
 */
export function nowMs(): number {
  return epochMs(performance.now());
}

/** What `performance.now()` just told, as milliseconds since 1970. */
export function epochMs(sinceOriginMs: number): number {
  if (sinceOriginMs >= checkAtMs) {
    checkAtMs = sinceOriginMs + CHECK_MS;
    const systemMs = Date.now() - sinceOriginMs;
    if (Math.abs(systemMs - originMs) > TOLERANCE_MS) originMs = systemMs;
  }
  return originMs + sinceOriginMs;
}

/** A time as callers of OpenTelemetry's API give it: a date, seconds and nanoseconds, `Date.now()` or `performance.now()`. */
export function toMs(time: TimeInput): number {
  if (time instanceof Date) return time.getTime();
  if (typeof time !== "number") return time[0] * 1_000 + time[1] / 1_000_000;
  if (time > 1e11) return time; // no process runs for three years: it is since 1970
  return time <= performance.now() ? originMs + time : time;
}
