/**
 * Expiry of a pull request. It is short, since a process whose thread is blocked still gets all messages that its pulls
 * asked for.
 */
export const EXPIRES_MS = 5_000;
/**
 * Expiry of a pull of more messages than can begin. It is long enough to bring what the consumer has over any network.
 * Events that are stored afterwards should go to a replica that can begin them.
 */
export const AHEAD_EXPIRES_MS = 250;
/** Interval of the heartbeats that the server sends while a pull waits for messages. */
export const IDLE_HEARTBEAT_MS = 1_000;
/** Interval at which the consumer looks for missed heartbeats. */
export const CHECK_INTERVAL_MS = 1_000;
/** Silence after which a pull counts as lost: two missed heartbeats. A leader that goes away sends no status. */
export const SILENCE_MS = 2.5 * IDLE_HEARTBEAT_MS;
/** Age of the last check after which pulling counts as stuck: eight missed checks. */
export const STALLED_MS = 8 * CHECK_INTERVAL_MS;
/** Longest wait at a stop, in milliseconds, for deliveries that are on their way. */
export const STOP_MS = 2_000;
/** Interval of info requests to a consumer without a leader, and time after which Weir pulls from it regardless. */
export const INFO_MS = { interval: 150, max: 10_000 };
/** Time without a delivery after which none is on its way. */
export const QUIET_MS = 100;
