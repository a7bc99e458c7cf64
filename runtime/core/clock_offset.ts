/** Bounds, in milliseconds, of the time by which another host's clock is ahead of a clock of this process. */
export interface ClockOffset {
  readonly leastMs: number;
  readonly mostMs: number;
  /** Time of the measurement, by the clock of this process. */
  readonly atMs: number;
}

/** Upper bound of the drift between two clocks, in milliseconds a millisecond: twice what a bad quartz has. */
const MAX_DRIFT = 2e-4;

/**
 * Returns the bounds of the offset that one request shows. The other host read its clock, in whole milliseconds, at
 * some time between `sentMs` and `receivedMs`.
 */
export function offsetOf(sentMs: number, theirMs: number, receivedMs: number): ClockOffset {
  return { leastMs: theirMs - receivedMs, mostMs: theirMs + 1 - sentMs, atMs: receivedMs };
}

/**
 * Narrows the bounds of an offset by newer bounds. If the two contradict each other, the other clock was set, or
 * another host has answered: then only the newer bounds count.
 */
export function narrowOffset(before: ClockOffset | undefined, now: ClockOffset): ClockOffset {
  if (!before) return now;
  const driftMs = (now.atMs - before.atMs) * MAX_DRIFT;
  const leastMs = Math.max(now.leastMs, before.leastMs - driftMs);
  const mostMs = Math.min(now.mostMs, before.mostMs + driftMs);
  return leastMs <= mostMs ? { leastMs, mostMs, atMs: now.atMs } : now;
}

/** Returns the best guess of an offset, in milliseconds. */
export function middleOf({ leastMs, mostMs }: ClockOffset): number {
  return (leastMs + mostMs) / 2;
}
