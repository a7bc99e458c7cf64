/** Choice of the missed ticks that run. */
export type CatchUp = "none" | "last" | "all";

/** Times at which a function runs. */
export interface Schedule {
  /** Name of the schedule within its function, a token of a subject. The same times have the same name. */
  readonly name: string;
  /** Text for people, such as `0 8 * * * (Europe/Berlin)`. */
  readonly text: string;
  readonly catchUp: CatchUp;
  /** Returns the first tick after a time, both in milliseconds since 1970. Undefined if there is none. */
  next(afterMs: number): number | undefined;
}

/**
 * Milliseconds by which a tick may be late and still count as on time: longer than a change of leader, or a reconnect.
 */
export const ON_TIME_MS = 10_000;
/** Greatest number of missed ticks that run. The stream keeps this many ticks of each schedule. */
export const MAX_MISSED = 1_000;
/** Factor by which the search for the newest ticks widens. */
const WIDENING = 8;

/**
 * Returns the ticks to publish, oldest first. A tick is missed if it is not on time any more.
 *
 * @param lastMs Tick that was published last, or the time at which the schedule began.
 */
export function dueTicks(schedule: Schedule, lastMs: number, nowMs: number): number[] {
  if (schedule.catchUp === "all") return newestTicks(schedule, lastMs, nowMs, MAX_MISSED);
  const onTime = newestTicks(schedule, Math.max(lastMs, nowMs - ON_TIME_MS), nowMs, MAX_MISSED);
  if (onTime.length > 0 || schedule.catchUp === "none") return onTime;
  return newestTicks(schedule, lastMs, nowMs, 1);
}

/** Returns the next ticks after a time. */
export function nextTicks(schedule: Schedule, afterMs: number, count: number): number[] {
  const ticks: number[] = [];
  for (let at = schedule.next(afterMs); at !== undefined && ticks.length < count; at = schedule.next(at)) {
    ticks.push(at);
  }
  return ticks;
}

/** Returns the newest ticks after `fromMs`, up to `toMs`. It searches back from the end: years may lie between. */
function newestTicks(schedule: Schedule, fromMs: number, toMs: number, count: number): number[] {
  for (let widthMs = ON_TIME_MS;; widthMs *= WIDENING) {
    const startMs = Math.max(fromMs, toMs - widthMs), ticks: number[] = [];
    for (let at = schedule.next(startMs); at !== undefined && at <= toMs; at = schedule.next(at)) ticks.push(at);
    if (ticks.length >= count || startMs === fromMs) return ticks.slice(-count);
  }
}
