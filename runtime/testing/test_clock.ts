import type { ServerClock } from "../engine/clock.ts";
import { type Duration, DURATION_HELP, parseDuration } from "../core/duration.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until the test moves it, and then fires the due timers in order. Its random numbers are
 * fixed.
 *
 * It drives the runtime: timeouts, backoffs, breakers, ages. A handler's own `setTimeout` and `Date` stay real.
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
export class TestClock implements ServerClock {
  /** The number that `random()` returns. It fixes the jitter. */
  chance = 0.5;
  /** The current time in milliseconds since 1970. */
  nowMs: number;
  readonly #timers = new Set<Timer>();

  /** Creates a clock. @param start Milliseconds since 1970, a date, or its text. Default: the beginning of 2026. */
  constructor(start: number | string | Date = Date.UTC(2026, 0, 1)) {
    this.nowMs = typeof start === "number" ? start : new Date(start).getTime();
    if (Number.isNaN(this.nowMs)) throw new TypeError(`TestClock: ${JSON.stringify(start)} is not a time`);
  }

  /** Returns the current time. */
  now = (): number => this.nowMs;

  /** Returns the current time, which is the server's as well. */
  serverNow = (): number => this.nowMs;

  /** Returns `chance`. */
  random = (): number => this.chance;

  /** Calls back after the clock has moved by `delayMs`. Returns a function that cancels the timer. */
  timer = (delayMs: number, callback: () => void): () => void => {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** The number of pending timers. */
  get timers(): number {
    return this.#timers.size;
  }

  /**
   * Moves the clock. The event loop runs before, between and after the due timers, so that work which one timer starts
   * can set the next.
   *
   * @throws {TypeError} if `by` is not a duration.
   */
  async advance(by: Duration): Promise<void> {
    const until = this.nowMs + durationMs(by);
    for (await tick(); this.#fire(until);) await tick();
    this.nowMs = until;
    await tick();
  }

  /** Moves to the next timer, such as a handler's timeout. Returns whether there was one. */
  async next(): Promise<boolean> {
    await tick();
    const fired = this.#fire(Infinity);
    await tick();
    return fired;
  }

  /** Moves the clock in one step, without running the event loop between the timers. */
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

/** Returns a duration in milliseconds. @throws {TypeError} */
export function durationMs(duration: Duration): number {
  const ms = parseDuration(duration);
  if (ms === undefined) throw new TypeError(`${JSON.stringify(duration)} is not a duration: ${DURATION_HELP}`);
  return ms;
}

/** Resolves after a tick of the event loop, when every resolved promise has been handled. */
function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
