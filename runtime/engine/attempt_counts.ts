import type { DeliveryHistory } from "../core/delivery.ts";
import type { ErrorDetail } from "../core/outcome.ts";
import type { AttemptCounts } from "./attempt_store.ts";
import type { UsedUp } from "./settler.ts";

/** Counts of all deliveries of an event so far, and the span and error of the last attempt. */
interface Totals {
  readonly number: number;
  readonly excusedDeliveries: number;
  readonly otherReleaseDeliveries: number;
  readonly deaths: number;
  readonly previousTrace: string | undefined;
  readonly lastError: ErrorDetail | undefined;
}

/**
 * Returns the deliveries of an event that used up no attempt: those in its history, and those of its stored message.
 */
export function excusedSoFar(
  history: DeliveryHistory,
  counts: Partial<Pick<AttemptCounts, "excused" | "otherRelease">> = {},
): Pick<UsedUp, "excusedDeliveries" | "otherReleaseDeliveries"> {
  const excusedDeliveries = history.excusedDeliveries + (counts.excused ?? 0);
  const otherReleaseDeliveries = (history.otherReleaseDeliveries ?? 0) + (counts.otherRelease ?? 0);
  return { excusedDeliveries, ...(otherReleaseDeliveries > 0 && { otherReleaseDeliveries }) };
}

/**
 * Returns whether the last delivery of an event is not known to have ended, and how many attempts in a row: by the stored
 * counts of its message, and by its history if the message has none. The counts of an earlier release have no `deaths`,
 * which then are 1.
 */
export function unendedSoFar(
  history: DeliveryHistory,
  counts?: AttemptCounts,
): Pick<UsedUp, "isUnended" | "deaths"> {
  const { isUnended, deaths = 1 } = counts && areWritten(counts) ? counts : history;
  return isUnended ? { isUnended, deaths } : {};
}

/**
 * Returns whether counts are those of a delivery. A message without stored counts is read as zeros, or not at all. Those
 * of the start of an event that blocks its key may be zeros as well: its number stays at the last allowed one, which
 * earlier messages of the event had reached.
 */
export function areWritten({ begun, excused, isUnended }: AttemptCounts): boolean {
  return begun !== 0 || excused !== 0 || isUnended === true;
}

/**
 * Returns the counts to presume for a redelivery without stored counts: one attempt, since an earlier process may have
 * died during it. It may as well have died before the attempt began, so the last allowed attempt is never presumed: an
 * event must not become a dead letter (`crashed`) on a guess. For the same reason it is no death.
 *
 * @param allowed Attempts that the function allows.
 */
export function presumedCounts(history: DeliveryHistory, allowed: number): AttemptCounts {
  return { begun: allowed - history.attempts > 1 ? 1 : 0, excused: 0, mayHaveEmitted: true };
}

/**
 * Returns the counts to store when an attempt of a redelivery begins. If its process dies, they say that the attempt was
 * used up, and is one more death.
 */
export function countsOfStart(history: DeliveryHistory, totals: Totals): AttemptCounts {
  const otherRelease = totals.otherReleaseDeliveries - (history.otherReleaseDeliveries ?? 0);
  // The previous trace is kept: if this attempt kills its process, its own span is never exported.
  const { previousTrace: attemptTrace, lastError } = totals;
  return {
    begun: totals.number - history.attempts,
    excused: totals.excusedDeliveries - history.excusedDeliveries,
    ...(otherRelease > 0 && { otherRelease }),
    mayHaveEmitted: true,
    isUnended: true,
    deaths: totals.deaths + 1,
    ...(attemptTrace && { attemptTrace }),
    ...(lastError && { lastError }),
  };
}
