import type { Clock } from "./clock.ts";

export type Cancel = () => void;

interface Entry {
  readonly atMs: number;
  /** Undefined once it has expired or was cancelled. */
  expire: (() => void) | undefined;
}

/** Number of leading entries without effect from which on the queue is compacted. */
const COMPACT_FROM = 1_024;

/**
 * Timeouts of equal length. They expire in the order they were set, so one timer serves all of them. Hot path: no timer
 * of its own for each event, see bench.
 */
export class TimeoutQueue {
  readonly #queue: Entry[] = [];
  /** Index of the first entry that may still expire. */
  #head = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(readonly afterMs: number, readonly clock: Clock) {}

  /**
   * Calls `expire` once the time has passed, unless cancelled.
   *
   * @param fromMs Start of the time, not before that of the entry set before. Default: now.
   */
  set(expire: () => void, fromMs: number = this.clock.now()): Cancel {
    const entry: Entry = { atMs: fromMs + this.afterMs, expire };
    this.#queue.push(entry);
    if (!this.#cancelTimer) this.#setTimer(Math.max(0, entry.atMs - this.clock.now()));
    return () => {
      entry.expire = undefined;
      this.#dropDone();
    };
  }

  clear(): void {
    this.#queue.length = this.#head = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #setTimer(delayMs: number): void {
    this.#cancelTimer = this.clock.timer(delayMs, () => this.#fire());
  }

  #fire(): void {
    this.#cancelTimer = () => {}; // an entry that expires may set another, whose timer is set below
    const now = this.clock.now();
    for (this.#dropDone(); this.#head < this.#queue.length; this.#dropDone()) {
      const entry = this.#queue[this.#head];
      if (entry.atMs > now) return this.#setTimer(entry.atMs - now);
      const { expire } = entry;
      entry.expire = undefined;
      expire?.();
    }
    this.#cancelTimer = undefined;
  }

  #dropDone(): void {
    while (this.#head < this.#queue.length && this.#queue[this.#head].expire === undefined) this.#head++;
    if (this.#head === this.#queue.length) this.#queue.length = this.#head = 0;
    else if (this.#head >= COMPACT_FROM) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
