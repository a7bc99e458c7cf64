import type { Clock } from "../engine/clock.ts";
import { type Duration, DURATION_HELP, parseDuration } from "../core/duration.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until it is told to move, and then fires what falls due in order. Chance stands still too.
 *
 * It is the runtime's clock alone: timeouts, backoffs, breakers, ages. A handler's own `setTimeout` and `Date` are not
 * touched.
 *
 * @example A handler that never returns ends at its timeout
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { invoke, TestClock } from "weir/testing";
 *
 * const hangs = defineFunction({ on: "demo.asked", timeout: "30s" }, () => new Promise(() => {}));
 *
 * const clock = new TestClock();
 * const running = invoke(hangs, {}, { clock });
 * await clock.advance("30s");
 * const { outcome } = await running;
 * assert.equal(outcome.kind === "retry" && outcome.reason, "timed-out");
 * ```
 */
export class TestClock implements Clock {
  /** What `random()` says: with it, jitter is fixed. */
  chance = 0.5;
  /** What time it is: milliseconds since 1970. */
  nowMs: number;
  readonly #timers = new Set<Timer>();

  /** Begins at that time: milliseconds since 1970, a date, or what a date is written as. */
  constructor(start: number | string | Date = Date.UTC(2026, 0, 1)) {
    this.nowMs = typeof start === "number" ? start : new Date(start).getTime();
    if (Number.isNaN(this.nowMs)) throw new TypeError(`TestClock: ${JSON.stringify(start)} is not a time`);
  }

  /** The time. */
  now = (): number => this.nowMs;

  /** The chance. */
  random = (): number => this.chance;

  /** Calls back once the clock has moved on by `delayMs`. */
  timer = (delayMs: number, callback: () => void): () => void => {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /**
   * Moves on by that much. What has been begun goes as far as it can before, between any two timers and afterwards, so
   * that what a timer leads to sets its own in time.
   *
   * @throws {TypeError} when it is not a span of time.
   */
  async advance(by: Duration): Promise<void> {
    const until = this.nowMs + durationMs(by);
    for (await turn(); this.#fire(until);) await turn();
    this.nowMs = until;
    await turn();
  }

  /** Moves on to whatever falls due next, such as a handler's timeout; returns whether there was anything. */
  async next(): Promise<boolean> {
    await turn();
    const fired = this.#fire(Infinity);
    await turn();
    return fired;
  }

  /** Moves on by so many milliseconds in one go, without a turn of the event loop for what that leads to. */
  move(ms: number): void {
    const until = this.nowMs + ms;
    while (this.#fire(until));
    this.nowMs = until;
  }

  #fire(until: number): boolean {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.atMs <= until && (!first || timer.atMs < first.atMs)) first = timer;
    if (!first) return false;
    this.#timers.delete(first);
    this.nowMs = Math.max(this.nowMs, first.atMs);
    first.callback();
    return true;
  }
}

/** Milliseconds of a span of time. @throws {TypeError} */
export function durationMs(duration: Duration): number {
  const ms = parseDuration(duration);
  if (ms === undefined) throw new TypeError(`${JSON.stringify(duration)} is not a span of time: ${DURATION_HELP}`);
  return ms;
}

/** Everything that waits for nothing but promises has gone on by then. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
