import { formatDuration, readableDuration } from "./duration.ts";
import type { Decoded } from "./cloudevent.ts";
import { decideNewerVersion, decideUnknownSubject, deferForState, type RetryContext } from "./decide_outcome.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import { type DeadLetterOutcome, type ErrorDetail, errorText, type Outcome } from "./outcome.ts";

/** Facts about a delivery that decide whether its handler may run. */
export interface DeliveryFacts extends RetryContext {
  readonly decoded: Decoded;
  readonly subject: string;
  /** False when no trigger of the function covers the subject. */
  readonly isListenedTo: boolean;
  /** False when the attempt's number is not exact: the stored counts could not be read, because of `stateError`. */
  readonly isCounted: boolean;
  readonly stateError: unknown;
  /** Dead letter that an earlier delivery decided on, if any. */
  readonly ending: DeadLetterOutcome | undefined;
  /** Error of the last attempt that ended; undefined when none did, or when it is not known. */
  readonly lastError: ErrorDetail | undefined;
  /** True when the last attempt is known to have begun, and no end of it was stored: its process probably died. */
  readonly isUnended: boolean;
  /** True when the event waits in the retry stream for its next attempt. */
  readonly isDelayed: boolean;
  /** True when an operator has cancelled the event for this function. */
  readonly isCancelled?: boolean;
  /** Longest chain of emitted events that the function continues. */
  readonly maxHops: number;
  /** Age up to which the function takes events. Undefined when age does not matter. */
  readonly maxAgeMs: number | undefined;
}

/**
 * Returns the outcome of a delivery whose handler must not run, or undefined when it may run.
 *
 * A number above the allowed attempts usually means that the process died during the last allowed attempt: the event
 * ends as `crashed`. But if that attempt is known to have ended, the function allowed more attempts then than it does
 * now, and the event ends with the error of the last attempt.
 */
export function checkDelivery(facts: DeliveryFacts): Outcome | undefined {
  if (!facts.isCounted) return deferForState(facts, facts.stateError);
  if (facts.isCancelled && !facts.ending && !facts.isDelayed) {
    return deadLetter("cancelled", facts.number, { name: "CancelledError", message: "an operator cancelled it" });
  }
  // An ending and a delay are decided already: a release that does not know the subject carries them out, too.
  if (facts.ending) return facts.ending;
  if (facts.isDelayed) return { kind: "ack", skipped: "delayed" };
  if (!facts.isListenedTo) return decideUnknownSubject(facts.subject, facts);
  const { decoded, number, retry: { attempts }, maxAgeMs, maxHops, lastError } = facts;
  if (decoded.kind === "invalid" && decoded.isNewer) return decideNewerVersion(decoded.error, facts);
  if (decoded.kind === "invalid") return deadLetter("invalid", number, decoded.error);
  if (decoded.hops !== undefined && decoded.hops > maxHops) {
    const message = `it ends a chain of ${decoded.hops} emitted events, and the function continues none of more than ` +
      `${maxHops}: do functions emit each other's triggers? For a chain that is meant, raise \`maxHops\``;
    return deadLetter("looped", number, { name: "LoopError", message });
  }
  if (number > attempts) return pastBudget(facts);
  if (maxAgeMs === undefined) return undefined; // Hot path: an age is a reading of the clock, see bench
  const { ageMs } = facts;
  if (ageMs <= maxAgeMs) return undefined;
  const limit = formatDuration(maxAgeMs), failure = lastError && `; its last attempt failed: ${errorText(lastError)}`;
  const message = `the event is ${readableDuration(ageMs)} old; the function handles none older than ${limit}` +
    (failure ?? "");
  return deadLetter("expired", number, { name: "ExpiredError", message });
}

function pastBudget({ number, isUnended, lastError, retry: { attempts } }: DeliveryFacts): DeadLetterOutcome {
  const begun = number - 1;
  if (!isUnended) {
    const message = `${begun} attempts were made, and the function now allows ${attempts}; their errors are not known`;
    return deadLetter("attempts-exhausted", number, lastError ?? { name: "AttemptsExhaustedError", message });
  }
  const before = lastError ? `; the one before: ${errorText(lastError)}` : "";
  const message =
    `the process ended while handling this event: the last of ${begun} attempts was never settled${before}`;
  return deadLetter("crashed", number, { name: "CrashedError", message });
}

/** Dead letter of an attempt that is not made. */
function deadLetter(reason: DeadLetterReason, number: number, error: DeadLetterOutcome["error"]): DeadLetterOutcome {
  return { kind: "dead-letter", reason, attempts: number - 1, error };
}
