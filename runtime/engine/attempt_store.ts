import type { Delivery } from "../core/delivery.ts";
import type { DeadLetterOutcome, ErrorDetail } from "../core/outcome.ts";

/**
 * Stored record of the deliveries of one stored message so far. A message of `RETRIES` starts its own: what its event
 * used up before is in the delivery's history. `UsedUp` is the sum of both.
 */
export interface AttemptCounts {
  /** Attempts that began: runs of the handler. */
  readonly begun: number;
  /** Deliveries that used up no attempt. */
  readonly excused: number;
  /** False when no attempt so far can have stored an event that it emitted. */
  readonly mayHaveEmitted: boolean;
  /** True when the event waits in the retry stream: this delivery is redundant. */
  readonly delayed?: boolean;
  /** Dead letter that an earlier delivery decided on; it may be stored already. */
  readonly ending?: DeadLetterOutcome;
  /** Span of the last settled delivery, as a W3C `traceparent`. */
  readonly attemptTrace?: string;
  /** Error of the last attempt that ended. */
  readonly lastError?: ErrorDetail;
  /** True from the start of an attempt to its end: a process that dies in between leaves it. */
  readonly isUnended?: boolean;
}

/** Stores attempt counts. JetStream counts deliveries only, and a delivery may never have reached a handler. */
export interface AttemptStore {
  /**
   * Returns the stored counts, or undefined when none were ever written for the message. Of a function that is marked,
   * they are then zero.
   */
  read(functionName: string, delivery: Delivery): Promise<AttemptCounts | undefined>;
  write(functionName: string, delivery: Delivery, counts: AttemptCounts): Promise<void>;
  /** Marks a function as one that pulls ahead: a delivery of it that vanished is not presumed to have begun. */
  markPrefetching(functionName: string): Promise<void>;
}
