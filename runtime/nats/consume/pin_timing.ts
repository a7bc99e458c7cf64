/** The priority group of a consumer that delivers to one process at a time. */
export const ORDER_GROUP = "order";
/**
 * The consumer's `priority_timeout`, in milliseconds: after this time without a pull of the process that has the pin,
 * another one gets it. It is longer than a lease and an interval of pulls, so that a process that is slow for less than
 * its leases last keeps the pin; and shorter than the ack wait, since a process that takes over waits for that anyway.
 */
export const PIN_MS = 12_000;
/**
 * Expiry of a pull without the pin, in milliseconds. The server takes none below twice the interval of heartbeats. It
 * gives a free pin to the oldest pull, also if its process has ended since, and then waits for `PIN_MS`.
 */
export const STANDBY_MS = 2_000;
/** Interval, in milliseconds, at which a process without the pin looks whether the one with it takes events. */
export const IDLE_MS = 2_000;
/** Interval of the pulls that keep a pin, in milliseconds. */
export const KEEP_MS = 2_000;
/**
 * Time, in milliseconds, for which a process does not pull from RETRIES after it has found that another one receives the
 * function's events: until that one has the pin of RETRIES, too.
 */
export const YIELD_MS = PIN_MS + 3_000;
