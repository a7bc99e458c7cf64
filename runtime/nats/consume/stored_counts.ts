import type { Delivery } from "../../core/delivery.ts";
import type { DeadLetterOutcome, ErrorDetail, Outcome } from "../../core/outcome.ts";
import type { AttemptCounts } from "../../engine/attempt_store.ts";
import type { UsedUp } from "../../engine/settler.ts";
import { headerText } from "../client/header_writer.ts";

type Retry = Outcome & { kind: "retry" };

/**
 * Returns the counts to store before a delivery is nacked: those of its message alone. The counts of earlier messages of
 * the event are in its headers.
 *
 * @param isTwice Whether a delayed retry of the message may be stored as well: it may emit the same events. Default: false.
 */
export function countsOfRetry(
  { history }: Delivery,
  usedUp: UsedUp,
  { usesAttempt, error }: Retry,
  isTwice = false,
): AttemptCounts {
  const { attempts, excusedDeliveries, otherReleaseDeliveries = 0, emittedSinceMs, attemptTrace, lastError } = usedUp;
  const otherRelease = otherReleaseDeliveries - (history.otherReleaseDeliveries ?? 0);
  return {
    begun: attempts - history.attempts,
    excused: excusedDeliveries - history.excusedDeliveries,
    ...(otherRelease > 0 && { otherRelease }),
    mayHaveEmitted: emittedSinceMs !== undefined || isTwice,
    attemptTrace,
    lastError: usesAttempt && error ? headerError(error) : lastError,
    ...(usedUp.isUnended && { isUnended: true, deaths: usedUp.deaths }),
  };
}

/** Returns the counts to store before a dead letter, with the decision: of its message alone, as above. */
export function countsOfEnding(
  { history }: Delivery,
  { attemptTrace }: UsedUp,
  outcome: DeadLetterOutcome,
): AttemptCounts {
  const ending = { ...outcome, error: headerError(outcome.error) };
  return { begun: outcome.attempts - history.attempts, excused: 0, mayHaveEmitted: true, ending, attemptTrace };
}

/** Returns an error as it is stored with an event: without its stack, and cut as in a header. */
function headerError({ name, message }: ErrorDetail): ErrorDetail {
  return { name: headerText(name), message: headerText(message) };
}
