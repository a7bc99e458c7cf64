import type { Clock } from "./clock.ts";

/** Longest delay of a timer, in milliseconds: the runtime's limit. A longer one fires early, and its caller sets it again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  timer(delayMs, callback) {
    const id = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    return () => clearTimeout(id);
  },
};

/** Monotonic clock, for durations. It never steps back, since the system's time does not affect it. */
export const steadyClock: Clock = { ...systemClock, now: () => performance.now() };
