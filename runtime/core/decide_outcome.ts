import { backoffMs, type RetryPolicy } from "./backoff.ts";
import type { Verdict } from "./breaker.ts";
import { errorDetail } from "./error_detail.ts";
import type { ErrorDetail, Outcome, Result, RetryReason } from "./outcome.ts";

/** State of an event that its outcome depends on, besides the result of the handler. */
export interface RetryContext {
  readonly number: number;
  /** Deliveries of this event that used up no attempt. */
  readonly excusedDeliveries: number;
  /** Those among them that wait for a process of another release. */
  readonly otherReleaseDeliveries: number;
  readonly retry: RetryPolicy;
  readonly nowMs: number;
  /** Milliseconds since 1970 by the server's clock. */
  readonly serverNowMs: number;
  /** Milliseconds since the event was stored, by the server's clock. */
  readonly ageMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * Number of excused deliveries of an event, for any reason, after which the event itself is suspected to break what it
 * needs. From then on a needed resource that fails uses up an attempt. So does a failed probe of a dependency, but only
 * from the age {@linkcode PROBE_USES_ATTEMPT_AGE_MS} of the event on.
 */
export const USES_ATTEMPT_FROM = 100;
/**
 * Age of an event, in milliseconds, from which a failed probe may use up an attempt: three days. Failed probes do not
 * show whether the event or an outage is the cause, and an outage is shorter. A stream keeps an event for seven days by
 * default.
 */
export const PROBE_USES_ATTEMPT_AGE_MS = 3 * 86_400_000;
/**
 * Delays, in milliseconds, before an event that another release may handle is delivered again. A delay applies once
 * there were `from` such deliveries. During a rolling deploy either release may receive the event, so the delays of its
 * first three minutes are short. From five seconds on the event waits in the retry stream, where it does not count
 * towards the consumer's `max_ack_pending`.
 */
const OTHER_RELEASE_DELAYS = [
  { from: 0, delayMs: 1_000 },
  { from: 15, delayMs: 5_000 },
  { from: 50, delayMs: 15_000 },
  { from: 52, delayMs: 60_000 },
] as const;
/**
 * Greatest number of deliveries that wait for another release. They take half an hour at least, longer than a
 * deployment.
 */
const OTHER_RELEASE_DELIVERIES = 80;
/** Shortest delay, in milliseconds, while another delivery holds the event's claim. */
const CLAIM_HELD_MIN_MS = 1_000;
/** Largest part of a rate's delay that is added to it at random. */
const RATE_SPREAD = 0.1;

/** Decides the outcome of a delivery whose handler has run. */
export function decideOutcome(result: Result, context: RetryContext): Outcome {
  switch (result.kind) {
    case "returned":
      return { kind: "ack" };
    case "rejected":
      return { kind: "dead-letter", reason: "rejected", attempts: context.number, error: result.error };
    case "failed":
    case "timed-out":
      return again(result.kind, backoffMs(context.retry, context.number, context.random), result.error, context);
    case "emit-failed": {
      const { transient, error } = result, tries = transient ? context.excusedDeliveries + 1 : context.number;
      const delayMs = backoffMs(context.retry, tries, context.random);
      if (transient) return { kind: "retry", reason: "emit-failed", delayMs, usesAttempt: false, error };
      return again("emit-failed", delayMs, error, context);
    }
    case "retry-after":
      return again("retry-after", Math.max(1, requestedDelay(result, context)), result.error, context);
    case "dependency-open":
      if (result.probeFailed && mayBeCause(context) && context.ageMs >= PROBE_USES_ATTEMPT_AGE_MS) {
        return again("failed", waitUntil(result.retryAtMs, context), result.error, context);
      }
      return deferForBreaker("dependency-open", result.retryAtMs, context, result.error);
    case "unavailable":
      return deferUnavailable("state-unavailable", context, result.error);
    case "resource-unavailable":
      if (!mayBeCause(context)) return deferUnavailable("resource-unavailable", context, result.error);
      return again("failed", backoffMs(context.retry, context.number, context.random), result.error, context);
    case "shutdown":
      return giveBack("shutdown");
  }
}

/** Returns whether the event was excused so often that it may itself break what it needs. */
function mayBeCause({ excusedDeliveries }: RetryContext): boolean {
  return excusedDeliveries >= USES_ATTEMPT_FROM;
}

/** Reason to give back a delivery whose handler has not begun, or was cut off by a shutdown. */
export type GiveBackReason = "shutdown" | "prefetched" | "refused";

/**
 * Milliseconds after which a delivery that an open breaker would refuse is delivered again. By then the pull requests of
 * the process have ended, so that another process receives it. Without the delay it would come back at once, many times.
 */
const REFUSED_DELAY_MS = 2_000;

/** Gives a delivery back, without using an attempt. `refused` is reported as `prefetched`. */
export function giveBack(reason: GiveBackReason): Outcome {
  return reason === "refused"
    ? { kind: "retry", delayMs: REFUSED_DELAY_MS, reason: "prefetched", usesAttempt: false }
    : { kind: "retry", delayMs: 0, reason, usesAttempt: false };
}

/** Retries a delivery that a breaker refused, once the breaker may have closed. */
export function deferForBreaker(
  reason: "breaker-open" | "dependency-open",
  retryAtMs: number,
  context: RetryContext,
  error?: ErrorDetail,
): Outcome {
  return { kind: "retry", reason, delayMs: waitUntil(retryAtMs, context), usesAttempt: false, error };
}

/** Retries a delivery whose stored counts or claim cannot be read or written. It uses up no attempt. */
export function deferForState(context: RetryContext, error: unknown): Outcome {
  return deferUnavailable("state-unavailable", context, errorDetail(error));
}

function deferUnavailable(
  reason: "state-unavailable" | "resource-unavailable",
  context: RetryContext,
  error: ErrorDetail,
): Outcome {
  const delayMs = backoffMs(context.retry, context.excusedDeliveries + 1, context.random);
  return { kind: "retry", reason, delayMs, usesAttempt: false, error };
}

/** Retries a delivery while another one holds the claim on its event. */
export function deferForClaim(context: RetryContext): Outcome {
  const delayMs = Math.max(CLAIM_HELD_MIN_MS, backoffMs(context.retry, context.excusedDeliveries + 1, context.random));
  return { kind: "retry", reason: "claim-held", delayMs, usesAttempt: false };
}

/** Retries a delivery once the function's rate has a start for it. */
export function deferForRate(delayMs: number, { random }: RetryContext): Outcome {
  // Its start was promised by this process alone. Other processes may have promised the same.
  const spreadMs = delayMs * RATE_SPREAD * random;
  return {
    kind: "retry",
    reason: "rate-limited",
    delayMs: Math.max(1, Math.ceil(delayMs + spreadMs)),
    usesAttempt: false,
  };
}

/** Retries a delivery whose key has its share of the function's concurrency, when its turn comes. */
export function deferForKey(delayMs: number): Outcome {
  return { kind: "retry", reason: "key-limited", delayMs: Math.ceil(delayMs), usesAttempt: false };
}

/**
 * Decides on a delivery whose subject the function does not listen to. It is retried, since a consumer has the triggers
 * of every release until `apply` removes those that are gone. The event ends as `invalid` if no release handles it.
 */
export function decideUnknownSubject(subject: string, context: RetryContext): Outcome {
  const message =
    `the function does not listen to "${subject}": if no release does, \`deno task apply\` removes the filter`;
  const error = { name: "UnknownSubjectError", message };
  return deferToOtherRelease("unknown-subject", error, context);
}

/**
 * Decides on an event that this process's schema refuses, and that names a later version of the schema. It is retried
 * until a process of the later release receives it, and ends as `invalid` if none does.
 */
export function decideNewerVersion(error: ErrorDetail, context: RetryContext): Outcome {
  return deferToOtherRelease("newer-version", error, context);
}

function deferToOtherRelease(reason: RetryReason, error: ErrorDetail, context: RetryContext): Outcome {
  if (context.otherReleaseDeliveries >= OTHER_RELEASE_DELIVERIES) {
    return { kind: "dead-letter", reason: "invalid", attempts: context.number - 1, error };
  }
  const { delayMs: least } = OTHER_RELEASE_DELAYS.findLast(({ from }) => from <= context.otherReleaseDeliveries)!;
  const delayMs = Math.round(least * (1 + context.random / 2));
  return { kind: "retry", reason, delayMs, usesAttempt: false, error };
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

function requestedDelay({ delayMs, atMs }: { delayMs?: number; atMs?: number }, context: RetryContext): number {
  if (delayMs !== undefined) return delayMs;
  return atMs === undefined
    ? backoffMs(context.retry, context.number, context.random)
    : Math.ceil(atMs - context.serverNowMs);
}

function again(reason: RetryReason, delayMs: number, error: ErrorDetail, context: RetryContext): Outcome {
  if (context.number < context.retry.attempts) {
    return { kind: "retry", reason, delayMs, usesAttempt: true, error };
  }
  return { kind: "dead-letter", reason: "attempts-exhausted", attempts: context.number, error };
}

/** Delay until the breaker may close, plus backoff with jitter, so that the probes are not always the same events. */
function waitUntil(retryAtMs: number, context: RetryContext): number {
  const spread = backoffMs(context.retry, context.excusedDeliveries + 1, context.random);
  return Math.max(0, Math.ceil(retryAtMs - context.nowMs)) + spread;
}
