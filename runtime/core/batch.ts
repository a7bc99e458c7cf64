import type { Verdict } from "./breaker.ts";
import type { Result } from "./outcome.ts";

/** Bounds of a function's batches. */
export interface BatchPolicy {
  /** Greatest number of events. */
  readonly size: number;
  /** Longest time that the first event of a batch waits for more, in milliseconds. */
  readonly maxWaitMs: number;
  /** Payload bytes at which a batch is full. Its last event may exceed them. */
  readonly maxBytes: number;
}

/** Factor by which a batch is smaller at each further attempt of its events. */
const SMALLER_EACH_ATTEMPT = 8;

/**
 * Returns the greatest number of events in a batch. A batch holds events at the same attempt, `number`. The last
 * attempt of an event is a batch of its own.
 */
export function batchSizeAt(size: number, number: number, attempts: number): number {
  if (number >= attempts) return 1;
  return Math.max(1, Math.floor(size / SMALLER_EACH_ATTEMPT ** (number - 1)));
}

/** Returns whether one event of a batch may have caused the batch's result, so that one of its halves may succeed. */
export function mayBeOfOneEvent({ kind }: Result): boolean {
  return kind === "failed" || kind === "rejected";
}

/**
 * Returns whether a batch ends with this result of one of its parts: its other parts are not run.
 *
 * @param events Number of events in the part.
 */
export function endsBatch({ kind }: Result, events: number): boolean {
  return kind !== "returned" && kind !== "failed" && kind !== "rejected" && (kind !== "retry-after" || events > 1);
}

/**
 * Returns the result of each event of a part that failed. A rejection becomes a failure, since it is not known which
 * event no retry can help.
 */
export function resultOfMany(result: Result): Result {
  return result.kind === "rejected" ? { kind: "failed", error: result.error } : result;
}

/**
 * Returns the verdicts that the failed events of a batch report to the breaker of their function. The batch counts as
 * one failure. It counts as none if one of the verdicts is a success, or if the function `works`.
 *
 * @param works Whether events outside these failures show that the function works.
 */
export function batchVerdicts(verdicts: readonly Verdict[], works: boolean): Verdict[] {
  let failures = works || verdicts.includes("success") ? 1 : 0;
  return verdicts.map((verdict) => verdict === "failure" && failures++ > 0 ? "ignored" : verdict);
}
