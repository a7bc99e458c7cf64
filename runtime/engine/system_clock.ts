import type { ServerClock } from "./clock.ts";

/** Longest delay of a timer in the runtime, in milliseconds. A longer timer fires early, and is then set again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The clock of this process, in milliseconds since 1970. It begins with the system's time and is monotonic from then
 * on: setting the system's time does not affect it.
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
