import { backoffMs } from "./backoff.ts";
import type { RetryContext } from "./decide_outcome.ts";
import type { DeadLetterOutcome, Outcome } from "./outcome.ts";

/** Treatment of the first event of a key once its attempts are used up. */
export type OnFailure = "block" | "dead-letter" | "park";

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
 * Returns the outcome of an event that has used up its attempts while its key is blocked: it is retried, and uses up no
 * further one. Any other outcome stays as it is.
 */
export function keepHead(outcome: Outcome, context: RetryContext): Outcome {
  if (outcome.kind !== "dead-letter" || outcome.reason !== "attempts-exhausted") return outcome;
  const delayMs = backoffMs(context.retry, context.number + context.excusedDeliveries, context.random);
  return { kind: "retry", reason: "blocks-key", delayMs, usesAttempt: false, error: outcome.error };
}

/**
 * Returns the number of the next attempt of an event that blocks its key. It stays at the last allowed one, whatever
 * failed or died before. It exceeds that, which ends the event as `crashed`, once the event's process died in as many
 * attempts in a row as the function allows.
 *
 * @param deaths Attempts in a row, up to the last one, that began and are not known to have ended.
 */
export function blockedNumber(
  { number, deaths, retry: { attempts } }: Pick<RetryContext, "number" | "retry"> & { readonly deaths: number },
): number {
  return deaths >= attempts ? Math.max(number, attempts + 1) : Math.min(number, attempts);
}

/** Returns whether an event ends in a way that parks its key: its attempts are used up, or it kills its process. */
export function parksKey(outcome: Outcome): outcome is DeadLetterOutcome {
  return outcome.kind === "dead-letter" && (outcome.reason === "attempts-exhausted" || outcome.reason === "crashed");
}

/** Returns the dead letter of an event whose key is parked. Its handler has not run. */
export function parkedBehind(orderKey: string, { number }: RetryContext): DeadLetterOutcome {
  const message = "an earlier event of its key is a dead letter: it returns once that is handled or discarded";
  return {
    kind: "dead-letter",
    reason: "parked",
    attempts: number - 1,
    error: { name: "ParkedError", message },
    orderKey,
  };
}
