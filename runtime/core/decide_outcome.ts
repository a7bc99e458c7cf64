import { backoffMs, type RetryPolicy } from "./backoff.ts";
import type { Verdict } from "./breaker.ts";
import { type ErrorDetail, errorDetail, type Outcome, type Result, type RetryReason } from "./outcome.ts";

/** State of an event that its outcome depends on, besides the result of the handler. */
export interface RetryContext {
  readonly number: number;
  /** Deliveries of this event that used up no attempt. */
  readonly excusedDeliveries: number;
  readonly retry: RetryPolicy;
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * Greatest number of failed probes of a dependency that use up no attempt. It bounds an event that breaks the dependency
 * itself.
 */
export const MAX_EXCUSED_DELIVERIES = 100;
/** Shortest delay, in milliseconds, before an unknown subject is delivered again. */
const UNKNOWN_SUBJECT_MIN_MS = 1_000;
/** Upper bound for that delay. During a rolling deploy either version may receive the event, so do not keep backing off. */
const UNKNOWN_SUBJECT_MAX_MS = 4_000;
/** Greatest number of such deliveries: at least half an hour of them, longer than a deployment takes. */
const UNKNOWN_SUBJECT_DELIVERIES = 1_000;
/** Shortest delay, in milliseconds, while another delivery holds the event's claim. */
const CLAIM_HELD_MIN_MS = 1_000;

/** Decides the outcome of a delivery whose handler has run. */
export function decideOutcome(result: Result, given: RetryContext): Outcome {
  switch (result.kind) {
    case "returned":
      return { kind: "ack" };
    case "rejected":
      return { kind: "dead-letter", reason: "rejected", attempts: given.number, error: result.error };
    case "failed":
    case "timed-out":
      return again(result.kind, backoffMs(given.retry, given.number, given.random), result.error, given);
    case "emit-failed": {
      const { transient, error } = result, tries = transient ? given.excusedDeliveries + 1 : given.number;
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

/** Retries a delivery that a breaker refused, once the breaker may have closed. */
export function deferForBreaker(
  reason: "breaker-open" | "dependency-open",
  retryAtMs: number,
  given: RetryContext,
  error?: ErrorDetail,
): Outcome {
  return { kind: "retry", reason, delayMs: waitUntil(retryAtMs, given), usesAttempt: false, error };
}

/** Retries a delivery whose attempts cannot be read. It uses up no attempt. */
export function deferForState(given: RetryContext, error: unknown): Outcome {
  const delayMs = backoffMs(given.retry, given.excusedDeliveries + 1, given.random);
  return { kind: "retry", reason: "state-unavailable", delayMs, usesAttempt: false, error: errorDetail(error) };
}

/** Retries a delivery while another one holds the claim on its event. */
export function deferForClaim(given: RetryContext): Outcome {
  const delayMs = Math.max(CLAIM_HELD_MIN_MS, backoffMs(given.retry, given.excusedDeliveries + 1, given.random));
  return { kind: "retry", reason: "claim-held", delayMs, usesAttempt: false };
}

/**
 * Retries a delivery on a subject that the function does not listen to: during a rolling deploy its consumer may have the
 * filters of the next version already. The event ends as `invalid` if no version handles it.
 */
export function deferUnknownSubject(subject: string, given: RetryContext): Outcome {
  const message = `the function does not listen to "${subject}"`;
  const error = { name: "UnknownSubjectError", message };
  if (given.excusedDeliveries >= UNKNOWN_SUBJECT_DELIVERIES) {
    return { kind: "dead-letter", reason: "invalid", attempts: given.number - 1, error };
  }
  const growing = backoffMs(given.retry, given.excusedDeliveries + 1, given.random);
  const delayMs = Math.min(UNKNOWN_SUBJECT_MAX_MS, Math.max(UNKNOWN_SUBJECT_MIN_MS, growing));
  return { kind: "retry", reason: "unknown-subject", delayMs, usesAttempt: false, error };
}

/** Returns the verdict on the function itself, for its breaker. */
export function breakerVerdict(result: Result): Verdict {
  switch (result.kind) {
    case "returned":
    case "rejected": // the function works: it rejected the event
      return "success";
    case "failed":
    case "timed-out":
      return result.dependency === undefined ? "failure" : "ignored";
    default:
      return "ignored";
  }
}

function again(reason: RetryReason, delayMs: number, error: ErrorDetail, given: RetryContext): Outcome {
  if (given.number < given.retry.attempts) {
    return { kind: "retry", reason, delayMs, usesAttempt: true, error };
  }
  return { kind: "dead-letter", reason: "attempts-exhausted", attempts: given.number, error };
}

/** Delay until the breaker may close, plus backoff with jitter, so that the probes are not always the same few events. */
function waitUntil(retryAtMs: number, given: RetryContext): number {
  const spread = backoffMs(given.retry, given.excusedDeliveries + 1, given.random);
  return Math.max(0, Math.ceil(retryAtMs - given.nowMs)) + spread;
}
