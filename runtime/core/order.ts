import { backoffMs } from "./backoff.ts";
import type { RetryContext } from "./decide_outcome.ts";
import type { Outcome } from "./outcome.ts";

/** Treatment of the first event of a key once its attempts are used up. */
export type OnFailure = "block" | "dead-letter";

/** Events that wait in the memory of a process for their turn, at the most. What comes beyond is given back. */
export const MAX_HELD = 256;
/**
 * Longest delay of a nak in a function with `order`, in milliseconds. An event that waits for longer is delivered and
 * given back several times: a process that takes over must see it soon. With a delay of five seconds the event would
 * leave its consumer for RETRIES, and lose its place.
 */
export const MAX_AWAY_MS = 4_000;

/** Gives back an event that waits for an earlier event of its key, or for its next attempt. It uses up no attempt. */
export function waitForKey(delayMs: number): Outcome {
  return { kind: "retry", reason: "waits-for-key", delayMs: Math.min(delayMs, MAX_AWAY_MS), usesAttempt: false };
}

/**
 * Returns the outcome of an event whose key is ordered: with `block` an event that has used up its attempts is retried,
 * and uses up no further one.
 */
export function keepHead(outcome: Outcome, onFailure: OnFailure, context: RetryContext): Outcome {
  if (onFailure !== "block" || outcome.kind !== "dead-letter" || outcome.reason !== "attempts-exhausted") {
    return outcome;
  }
  const delayMs = backoffMs(context.retry, context.number + context.excusedDeliveries, context.random);
  return { kind: "retry", reason: "blocks-key", delayMs, usesAttempt: false, error: outcome.error };
}
