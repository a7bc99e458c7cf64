import type { Clock } from "./clock.ts";

export type Cancel = () => void;

interface Entry {
  readonly atMs: number;
  readonly expire: () => void;
}

/**
 * Timeouts of equal length. They expire in the order in which they were set, so one timer serves all of them. Hot path:
 * a timer for each event would cost more, see bench.
 */
export class TimeoutQueue {
  /** The earliest first: a set keeps the order in which its entries were added. */
  readonly #entries = new Set<Entry>();
  #cancelTimer: (() => void) | undefined;

  constructor(readonly afterMs: number, readonly clock: Clock) {}

  /**
   * Calls `expire` once the time has passed, unless cancelled.
   *
   * @param fromMs Time from which `afterMs` counts. It must not be before the `fromMs` of the call before. Default:
   * now.
   */
  set(expire: () => void, fromMs: number = this.clock.now()): Cancel {
    const entry: Entry = { atMs: fromMs + this.afterMs, expire };
    this.#entries.add(entry);
    if (!this.#cancelTimer) this.#setTimer(Math.max(0, entry.atMs - this.clock.now()));
    return () => void this.#entries.delete(entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #setTimer(delayMs: number): void {
    this.#cancelTimer = this.clock.timer(delayMs, () => this.#fire());
  }

  #fire(): void {
    this.#cancelTimer = () => {}; // an entry that expires may set another, whose timer is set below
    const now = this.clock.now();
    for (const entry of this.#entries) {
      if (entry.atMs > now) return this.#setTimer(entry.atMs - now);
      this.#entries.delete(entry);
      entry.expire();
    }
    this.#cancelTimer = undefined;
  }
}
