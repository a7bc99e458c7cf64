/** Time, in milliseconds, in which what is known of a pace fades to half. */
const HALF_LIFE_MS = 20_000;
/**
 * Least time, in milliseconds, for which an event is skipped over: a shorter retry would stay in the consumer, where it
 * takes one of its `max_ack_pending` from other keys.
 */
export const SKIP_MIN_MS = 5_000;
/**
 * Longest such time, in milliseconds. A pace that was measured while a service was down may be far too low, and a key of
 * a large backlog would be idle for hours. A shorter one would move large backlogs too often.
 */
export const SKIP_MAX_MS = 900_000;
/**
 * Factors of the pace at which events return that are skipped over for the first time, and again. One that returns too
 * early is skipped over once more, one that returns too late leaves its key idle. While a backlog is skipped over the pace
 * is lower than it will be, since that takes most of the processor.
 */
const FIRST_EAGERNESS = 4, NEXT_EAGERNESS = 1.5;

/**
 * The pace at which the events of a key end while some are held, and the times at which those return that were skipped
 * over: a virtual clock, which moves on by a part of the time that one event takes. So each returns before its turn comes,
 * also if the pace rises, and is skipped over twice on average if it does not.
 *
 * It reads no clock: its callers pass the time.
 */
export class KeyPace {
  #ended = 0;
  #busyMs = 0;
  #measuredMs = 0;
  #isBusy = false;
  #returnsMs = -Infinity;

  /** Records that events are held. The time until then does not count. */
  resumed(nowMs: number): void {
    if (!this.#isBusy) this.#measuredMs = nowMs;
    this.#isBusy = true;
  }

  /** Records the end of an event. */
  ended(nowMs: number): void {
    this.#measure(nowMs);
    this.#ended++;
  }

  /** Records that none are held. */
  paused(nowMs: number): void {
    this.#measure(nowMs);
    this.#isBusy = false;
  }

  /**
   * Returns how many events end in a millisecond.
   *
   * @param coming Events to count beyond those that have ended. With the next one, a key that has just begun has a pace.
   */
  perMs(nowMs: number, coming = 1): number {
    this.#measure(nowMs);
    return (this.#ended + coming) / Math.max(1, this.#busyMs);
  }

  /**
   * Returns the milliseconds after which an event that is skipped over now shall return.
   *
   * @param isAgain whether it has returned before
   */
  skip(nowMs: number, isAgain: boolean): number {
    const eagerness = isAgain ? NEXT_EAGERNESS : FIRST_EAGERNESS;
    const nextMs = this.#returnsMs + 1 / (eagerness * this.perMs(nowMs));
    this.#returnsMs = Math.min(nowMs + SKIP_MAX_MS, Math.max(nowMs + SKIP_MIN_MS, nextMs));
    return this.#returnsMs - nowMs;
  }

  /** Whether events that were skipped over are still to return. */
  isAwaited(nowMs: number): boolean {
    return this.#returnsMs > nowMs;
  }

  #measure(nowMs: number): void {
    if (!this.#isBusy) return;
    const passedMs = nowMs - this.#measuredMs, kept = 0.5 ** (passedMs / HALF_LIFE_MS);
    this.#ended *= kept;
    this.#busyMs = this.#busyMs * kept + passedMs;
    this.#measuredMs = nowMs;
  }
}
