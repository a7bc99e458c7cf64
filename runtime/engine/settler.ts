import type { Delivery } from "../core/delivery.ts";
import type { ErrorDetail, Outcome } from "../core/outcome.ts";
import type { Claim } from "./idempotency_store.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** Result of settling. After a failure JetStream still has the message and redelivers it. */
export type Settlement =
  /** `deadLetter` is the sequence of a dead letter with an `orderKey`. */
  | { readonly ok: true; readonly deadLetter?: number }
  | { readonly ok: false; readonly error: unknown };

/**
 * Totals of an event once its current delivery is settled. A retry is stored as a new message. The totals count the
 * deliveries of all messages of the event.
 */
export interface UsedUp {
  readonly attempts: number;
  readonly excusedDeliveries: number;
  /** Those among `excusedDeliveries` that waited for another release; undefined for none. */
  readonly otherReleaseDeliveries?: number;
  /** Time since which emitted events may be stored already. */
  readonly emittedSinceMs?: number;
  /** True when an earlier delivery decided the end of the event: its dead letter may be stored already. */
  readonly wasDecided?: boolean;
  /**
   * True if an earlier delivery left nothing: its process may have stored the dead letter, and not the decision before it.
   */
  readonly mayHaveEnded?: boolean;
  /** Span of this attempt, as a W3C `traceparent`: the next attempt links to it. */
  readonly attemptTrace?: string;
  /** Error of the last attempt before this delivery. An outcome that uses an attempt replaces it. */
  readonly lastError?: ErrorDetail;
  /** True when the last attempt began and is not known to have ended. */
  readonly isUnended?: boolean;
  /** Attempts in a row, up to the last one, that began and are not known to have ended. Undefined for none. */
  readonly deaths?: number;
  /** True when an earlier delivery vanished, whether its handler is known to have begun or not. */
  readonly hasVanished?: boolean;
}

/** Carries out outcomes: acks, naks or terminates a delivery. */
export interface Settler {
  /**
   * Settles a delivery. Never rejects: the settlement says what happened.
   *
   * @param usedUp Counts to store with a retry or dead letter. Default: the stored counts stay as they are.
   * @param claim Idempotency claim to complete or release. Default: the event is not claimed.
   */
  settle(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome,
    usedUp?: UsedUp,
    claim?: Claim,
  ): MaybePromise<Settlement>;
  /** Sends an in-progress ack, which restarts the delivery's ack wait. */
  extend(delivery: Delivery): void;
}
