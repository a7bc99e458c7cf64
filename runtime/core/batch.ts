import type { Verdict } from "./breaker.ts";
import type { Result } from "./outcome.ts";

/** Bounds of the batches of a function. */
export interface BatchPolicy {
  /** Greatest number of events. */
  readonly size: number;
  /** Longest time that the first event of a batch waits for more, in milliseconds. */
  readonly maxWaitMs: number;
  /** Payload bytes at which a batch is full. Its last event may exceed them. */
  readonly maxBytes: number;
}

/** Divisor of the size of a batch with each further attempt of its events. */
const SMALLER_EACH_ATTEMPT = 8;

/**
 * Returns the greatest number of events in a batch of events with this attempt's number. The last attempt of an event
 * is a batch of its own.
 */
export function batchSizeAt(size: number, number: number, attempts: number): number {
  if (number >= attempts) return 1;
  return Math.max(1, Math.floor(size / SMALLER_EACH_ATTEMPT ** (number - 1)));
}

/** Returns whether one event of a batch may have caused the result, so that its halves may succeed. */
export function mayBeOfOneEvent({ kind }: Result): boolean {
  return kind === "failed" || kind === "rejected";
}

/**
 * Returns whether no further part of a batch is run after this result of a part.
 *
 * @param events Number of events in the part.
 */
export function endsBatch({ kind }: Result, events: number): boolean {
  return kind !== "returned" && kind !== "failed" && kind !== "rejected" && (kind !== "retry-after" || events > 1);
}

/** Returns the result of events that failed together: none of them alone is known to be one that no retry helps. */
export function resultOfMany(result: Result): Result {
  return result.kind === "rejected" ? { kind: "failed", error: result.error } : result;
}

/**
 * Returns the verdicts that the failed events of a batch report to the breaker of their function. A batch counts once:
 * as one failure, unless something shows that the function works.
 *
 * @param works Whether something else shows it.
 */
export function batchVerdicts(verdicts: readonly Verdict[], works: boolean): Verdict[] {
  let failures = works || verdicts.includes("success") ? 1 : 0;
  return verdicts.map((verdict) => verdict === "failure" && failures++ > 0 ? "ignored" : verdict);
}
