import { backoffMs, type RetryPolicy } from "./backoff.ts";

/** A process that ran for so long has started well: what ended it is nothing that would end the next at once. */
const WELL_MS = 60_000;
const POLICY: RetryPolicy = { attempts: Infinity, initialMs: 100, maxMs: 30_000, factor: 2, jitter: "none" };

/** When a process that ended is to be started again. */
interface Restart {
  /** How often in a row it ended before it had run well, this time included. */
  readonly failures: number;
  readonly delayMs: number;
}

/**
 * What follows on the end of a process that nobody asked to end: soon, and less and less so while it does not help.
 *
 * @param failures of the ends before this one
 * @param ranMs how long it ran
 */
export function restartAfter(failures: number, ranMs: number): Restart {
  const now = ranMs >= WELL_MS ? 1 : failures + 1;
  return { failures: now, delayMs: backoffMs(POLICY, now, 0) };
}
