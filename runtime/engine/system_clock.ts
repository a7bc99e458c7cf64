import type { Clock } from "./clock.ts";

/** The longest a timer can be set for; what needs longer is woken early and looks again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** For spans of time alone: nobody sets it, and so it never steps back. */
export const steadyClock: Clock = {
  now: () => performance.now(),
  random: () => Math.random(),
  timer: (delayMs, callback) => systemClock.timer(delayMs, callback),
};

/** The clock on the wall. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  timer(delayMs, callback) {
    const id = setTimeout(callback, Math.min(delayMs, LONGEST_TIMER_MS));
    return () => clearTimeout(id);
  },
};
