/** Exponential backoff: the delays between attempts, and the number of attempts. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  readonly initialMs: number;
  readonly maxMs: number;
  /** Factor by which the delay grows after each attempt. */
  readonly factor: number;
  /**
   * `full` draws each delay from between zero and the backoff, which spreads retries best; `none` waits for the backoff
   * itself.
   */
  readonly jitter: "full" | "none";
}

/**
 * Returns the delay after `attempt` (1-based) failed, in whole milliseconds. It is at least one: a delay of zero would
 * use up every attempt in an instant.
 *
 * @param random a number in [0, 1)
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random: number): number {
  const wait = Math.min(policy.maxMs, policy.initialMs * policy.factor ** (attempt - 1));
  const spread = policy.jitter === "full" ? random * wait : wait;
  return Math.max(1, Math.round(spread));
}
