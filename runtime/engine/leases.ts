import type { MaybePromise } from "./maybe_promise.ts";

/** Keeps deliveries leased to this process, even while a handler blocks the thread, and detects expired leases. */
export interface Leases {
  /** Starts the lease of a delivery that has just arrived. */
  take(ackSubject: Uint8Array): Lease;
}

/** This process's hold on one delivery. */
export interface Lease {
  /**
   * Returns whether the delivery is still leased to this process. The result is a promise when a handler has just
   * blocked the thread: pending acks and messages are processed first.
   *
   * @param nowMs Time, for a caller that has just read the clock. Default: the lease reads it.
   */
  isValid(nowMs?: number): MaybePromise<boolean>;
  /** Restarts the lease after a redelivery to this process, under the new ack subject. */
  renew(ackSubject: Uint8Array): void;
  release(): void;
}

/** A lease that never expires. */
export const UNLIMITED: Lease = { isValid: () => true, renew() {}, release() {} };
