import type { Delivery } from "../core/delivery.ts";
import type { DeadLetterOutcome, ErrorDetail } from "../core/outcome.ts";

/**
 * Counts of the deliveries of one stored message. A retry is stored as a new message in `RETRIES`, whose counts begin
 * at zero. What the event used up under earlier messages is in the delivery's `history`. `UsedUp` is the sum of history
 * and counts.
 */
export interface AttemptCounts {
  /** Attempts that began: runs of the handler. */
  readonly begun: number;
  /** Deliveries that used up no attempt. */
  readonly excused: number;
  /** Those among `excused` that waited for another release; undefined for none. */
  readonly otherRelease?: number;
  /** False when no attempt so far can have stored an event that it emitted. */
  readonly mayHaveEmitted: boolean;
  /** True when the event already waits in the retry stream, so that this delivery is redundant. */
  readonly delayed?: boolean;
  /** Dead letter that an earlier delivery decided on; it may be stored already. */
  readonly ending?: DeadLetterOutcome;
  /** Span of the last settled delivery, as a W3C `traceparent`. */
  readonly attemptTrace?: string;
  /** Error of the last attempt that ended. */
  readonly lastError?: ErrorDetail;
  /** True from the start of an attempt to its end. It stays true if the process dies in between. */
  readonly isUnended?: boolean;
  /**
   * Attempts in a row, up to the last one, that began and are not known to have ended, under all messages of the event.
   * Undefined with `isUnended` in the counts of an earlier release: 1 at least.
   */
  readonly deaths?: number;
}

/** Stores attempt counts. JetStream counts deliveries only, and some deliveries never reach a handler. */
export interface AttemptStore {
  /**
   * Returns the stored counts of a message. If none were ever written, returns zeros for a marked function, and
   * undefined for any other.
   */
  read(functionName: string, delivery: Delivery): Promise<AttemptCounts | undefined>;
  write(functionName: string, delivery: Delivery, counts: AttemptCounts): Promise<void>;
  /** Marks a function that pulls ahead. A delivery of a marked function that vanished is presumed not to have begun. */
  markPrefetching(functionName: string): Promise<void>;
}
