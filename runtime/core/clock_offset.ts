/** Bounds of the difference between another host's clock and one of this process, in milliseconds. */
export interface ClockOffset {
  readonly leastMs: number;
  readonly mostMs: number;
  /** Time of the measurement, by the clock of this process. */
  readonly atMs: number;
}

/** Upper bound of the drift between two clocks, in milliseconds a millisecond: twice what a bad quartz has. */
const MAX_DRIFT = 2e-4;

/** Returns the offset that one request shows: the other host read its clock, in whole milliseconds, while it ran. */
export function offsetOf(sentMs: number, theirMs: number, receivedMs: number): ClockOffset {
  return { leastMs: theirMs - receivedMs, mostMs: theirMs + 1 - sentMs, atMs: receivedMs };
}

/**
 * Narrows an offset by a newer one. If they contradict each other, the other clock was set or another host answers: then
 * only the newer one counts.
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
