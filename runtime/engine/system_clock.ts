import type { ServerClock } from "./clock.ts";

/**
 * Longest delay that `setTimeout` takes, in milliseconds: about 25 days. A timer with a longer delay fires after 25
 * days. A caller with longer delays must check the time when its timer fires, and set the timer again, as
 * `RunningHandlers` does.
 */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The clock of this process, in milliseconds since 1970. `now` begins with the system's time and is monotonic from then
 * on: setting the system's time does not affect it. `serverNow` is the system's time, in place of the server's.
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
