import { backoffMs, type RetryPolicy } from "./backoff.ts";

/** Running time, in milliseconds, after which earlier failed starts are forgotten. */
const STABLE_MS = 60_000;
const POLICY: RetryPolicy = { attempts: Infinity, initialMs: 100, maxMs: 30_000, factor: 2, jitter: "none" };

/**
 * Returns the delay before an exited process is restarted: exponential backoff, reset once a process has run for a
 * minute.
 *
 * @param failures Failed starts in a row before this exit.
 * @param ranMs Running time of the process.
 * @returns The delay, and the failed starts in a row with this exit.
 */
export function restartAfter(failures: number, ranMs: number): { readonly failures: number; readonly delayMs: number } {
  const now = ranMs >= STABLE_MS ? 1 : failures + 1;
  return { failures: now, delayMs: backoffMs(POLICY, now, 0) };
}
