import type { Clock } from "../../runtime/flow/ports.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to move, and then fires what falls due in order. */
export class FakeClock implements Clock {
  /** What `random()` says. */
  chance = 0.5;
  readonly #timers = new Set<Timer>();

  constructor(public nowMs = 1_000_000) {}

  now = (): number => this.nowMs;

  random = (): number => this.chance;

  timer = (delayMs: number, callback: () => void): () => void => {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Moves on by that much; what a timer sets on its way fires too when it falls due in time. */
  advance(ms: number): void {
    const until = this.nowMs + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = until;
  }

  #next(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.atMs <= until && (!first || timer.atMs < first.atMs)) first = timer;
    return first;
  }
}
