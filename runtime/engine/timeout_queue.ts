import type { Clock } from "./clock.ts";

/** A deadline that has not been met yet; call it when the work is done. */
export type Cancel = () => void;

interface Entry {
  readonly atMs: number;
  expire: (() => void) | undefined;
}

/**
 * Deadlines that are all the same time away. They fall due in the order they were set, so a queue and one timer
 * serve any number of them: a timer for each would cost more than all else the runtime does for an event.
 */
export class TimeoutQueue {
  readonly #queue: Entry[] = [];
  #head = 0;
  #disarm: (() => void) | undefined;

  constructor(readonly afterMs: number, readonly clock: Clock) {}

  /**
   * Calls `expire` once the time is up, unless cancelled.
   *
   * @param fromMs since when the time runs: not before that of the deadline set before it
   */
  set(expire: () => void, fromMs: number = this.clock.now()): Cancel {
    const entry: Entry = { atMs: fromMs + this.afterMs, expire };
    this.#queue.push(entry);
    if (!this.#disarm) this.#arm(Math.max(0, entry.atMs - this.clock.now()));
    return () => {
      entry.expire = undefined;
      this.#dropDone();
    };
  }

  /** Forgets every deadline. */
  clear(): void {
    this.#queue.length = this.#head = 0;
    this.#disarm?.();
    this.#disarm = undefined;
  }

  #arm(delayMs: number): void {
    this.#disarm = this.clock.timer(delayMs, () => this.#fire());
  }

  #fire(): void {
    this.#disarm = () => {}; // what falls due may set another: the timer for it is set below
    const now = this.clock.now();
    for (this.#dropDone(); this.#head < this.#queue.length; this.#dropDone()) {
      const entry = this.#queue[this.#head];
      if (entry.atMs > now) return this.#arm(entry.atMs - now);
      const { expire } = entry;
      entry.expire = undefined;
      expire?.();
    }
    this.#disarm = undefined;
  }

  #dropDone(): void {
    while (this.#head < this.#queue.length && this.#queue[this.#head].expire === undefined) this.#head++;
    if (this.#head === this.#queue.length) this.#queue.length = this.#head = 0;
    else if (this.#head >= 1_024) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
