/**
 * The times by which a delivery stays with the process that holds it.
 *
 * Invariant: `EXTEND_INTERVAL_MS + LEASE_MS` is less than `ACK_WAIT_MS`. The last in-progress ack may be an interval
 * old when a thread is blocked, and the lease still ends before the server redelivers: 5 s + 8 s < 15 s.
 */

/** The consumers' `ack_wait`: how long JetStream waits for an ack or an in-progress ack before it redelivers. */
export const ACK_WAIT_MS = 15_000;
/** Interval of the in-progress acks for everything that is held. */
export const EXTEND_INTERVAL_MS = ACK_WAIT_MS / 3;
/** Silence after which a lease counts as expired: another replica may own the delivery. */
export const LEASE_MS = 8_000;
/** Interval at which a thread writes down that it runs. */
export const THREAD_HEARTBEAT_MS = 1_000;
/** Age of that heartbeat from which the thread counts as blocked, as a rule by a handler that computes. */
export const BLOCKED_MS = 3_000;
