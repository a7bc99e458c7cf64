import type { ServerClock } from "./clock.ts";

/** Longest delay of a timer, in milliseconds: the runtime's limit. A longer one fires early, and its caller sets it again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The clock of this process. It is monotonic: no setting of the system's time affects it. It begins with the system's
 * time, so that it reads as milliseconds since 1970.
 */
export const systemClock: ServerClock = {
  now: () => performance.timeOrigin + performance.now(),
  serverNow: () => Date.now(),
  random: () => Math.random(),
  timer(delayMs, callback) {
    const id = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    return () => clearTimeout(id);
  },
};
