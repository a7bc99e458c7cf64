import { backoffMs, type RetryPolicy } from "./backoff.ts";
import type { Verdict } from "./breaker.ts";
import { type ErrorDetail, errorDetail, type Outcome, type Result, type RetryReason } from "./outcome.ts";

/** What the decision rests on besides the result itself. */
export interface RetryContext {
  readonly attempt: number;
  /** Deliveries of this event that used no attempt. */
  readonly excusedDeliveries: number;
  readonly retry: RetryPolicy;
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * How often an event may be forgiven what is not its fault as far as one can see, a failed probe of a dependency: one
 * that itself breaks the dependency must end some day.
 */
export const MAX_EXCUSED_DELIVERIES = 100;
/** At least so long an event waits for a successor that knows its subject. */
const NOT_MINE_MS = 1_000;
/** And no longer: which of two versions is handed it is chance, and it must not wait ever longer for bad luck. */
const NOT_MINE_AT_MOST_MS = 4_000;
/** Half an hour of that at the least: longer than a deployment takes. */
const NOT_MINE_TRIES = 1_000;
/** At least so long a delivery waits for another one that is at work on its event. */
const IN_PROGRESS_MS = 1_000;

/** The one place that decides what becomes of a delivery once its handler has run. */
export function decideOutcome(result: Result, given: RetryContext): Outcome {
  switch (result.kind) {
    case "returned":
      return { kind: "ack" };
    case "rejected":
      return { kind: "dead-letter", reason: "rejected", attempts: given.attempt, error: result.error };
    case "failed":
    case "timed-out":
      return again(result.kind, backoffMs(given.retry, given.attempt, given.random), result.error, given);
    case "emit-failed": {
      const { transient, error } = result, tries = transient ? given.excusedDeliveries + 1 : given.attempt;
      const delayMs = backoffMs(given.retry, tries, given.random);
      if (transient) return { kind: "retry", reason: "emit-failed", delayMs, usesAttempt: false, error };
      return again("emit-failed", delayMs, error, given);
    }
    case "retry-after":
      return again("retry-after", Math.max(1, result.delayMs), result.error, given);
    case "dependency-open":
      if (result.probeFailed && given.excusedDeliveries >= MAX_EXCUSED_DELIVERIES) {
        return again("failed", waitUntil(result.retryAtMs, given), result.error, given);
      }
      return deferForBreaker("dependency-open", result.retryAtMs, given, result.error);
    case "shutdown":
      return { kind: "retry", delayMs: 0, reason: "shutdown", usesAttempt: false };
  }
}

/** The outcome of a delivery that a breaker did not let through: it comes again once that may have closed. */
export function deferForBreaker(
  reason: "breaker-open" | "dependency-open",
  retryAtMs: number,
  given: RetryContext,
  error?: ErrorDetail,
): Outcome {
  return { kind: "retry", reason, delayMs: waitUntil(retryAtMs, given), usesAttempt: false, error };
}

/** Without knowing the attempt nothing may be decided: the delivery waits, and uses none. */
export function deferForState(given: RetryContext, error: unknown): Outcome {
  const delayMs = backoffMs(given.retry, given.excusedDeliveries + 1, given.random);
  return { kind: "retry", reason: "state-unavailable", delayMs, usesAttempt: false, error: errorDetail(error) };
}

/** Another delivery of the event is at work on it: this one waits, and looks again whether it is done. */
export function deferForClaim(given: RetryContext): Outcome {
  const delayMs = Math.max(IN_PROGRESS_MS, backoffMs(given.retry, given.excusedDeliveries + 1, given.random));
  return { kind: "retry", reason: "in-progress", delayMs, usesAttempt: false };
}

/**
 * The outcome of a delivery on a subject that the function does not listen to: while a deployment replaces it, its
 * consumer may already be its successor's. It waits for one that knows it, and ends as `invalid` if none ever comes.
 */
export function deferUnknownSubject(delivery: { readonly subject: string }, given: RetryContext): Outcome {
  const message = `the function does not listen to "${delivery.subject}"`;
  const error = { name: "UnknownSubjectError", message };
  if (given.excusedDeliveries >= NOT_MINE_TRIES) {
    return { kind: "dead-letter", reason: "invalid", attempts: given.attempt - 1, error };
  }
  const growing = backoffMs(given.retry, given.excusedDeliveries + 1, given.random);
  const delayMs = Math.min(NOT_MINE_AT_MOST_MS, Math.max(NOT_MINE_MS, growing));
  return { kind: "retry", reason: "not-mine", delayMs, usesAttempt: false, error };
}

/** What a result says about the function itself, for its breaker. */
export function breakerVerdict(result: Result): Verdict {
  switch (result.kind) {
    case "returned":
    case "rejected": // the function works: it judged the event
      return "success";
    case "failed":
    case "timed-out":
      return result.dependency === undefined ? "failure" : "ignored";
    default:
      return "ignored";
  }
}

function again(reason: RetryReason, delayMs: number, error: ErrorDetail, given: RetryContext): Outcome {
  if (given.attempt < given.retry.attempts) {
    return { kind: "retry", reason, delayMs, usesAttempt: true, error };
  }
  return { kind: "dead-letter", reason: "attempts-exhausted", attempts: given.attempt, error };
}

/** Until the breaker may close, and then a growing spread, so that the same few events are not every probe. */
function waitUntil(retryAtMs: number, given: RetryContext): number {
  const spread = backoffMs(given.retry, given.excusedDeliveries + 1, given.random);
  return Math.max(0, Math.ceil(retryAtMs - given.nowMs)) + spread;
}
