/** How long to wait before the next attempt, and how many there are. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  readonly initialMs: number;
  readonly maxMs: number;
  /** What the wait is multiplied by after each attempt. */
  readonly factor: number;
  /** `full`: anywhere between nothing and the wait, which spreads a herd best; `none`: the wait itself. */
  readonly jitter: "full" | "none";
}

/**
 * The wait after `attempt` (1-based) failed, in whole milliseconds.
 * It is at least one: a delay of nothing comes back at once and would burn every attempt in an instant.
 *
 * @param random a number in [0, 1)
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random: number): number {
  const wait = Math.min(policy.maxMs, policy.initialMs * policy.factor ** (attempt - 1));
  const spread = policy.jitter === "full" ? random * wait : wait;
  return Math.max(1, Math.round(spread));
}
