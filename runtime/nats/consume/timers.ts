import type { Clock } from "../../engine/clock.ts";

/** Timers that end together. Once they have, no further one starts: an answer may come after its asker has stopped. */
export class Timers {
  readonly #timers = new Set<() => void>();
  #ended = false;

  constructor(readonly clock: Pick<Clock, "timer">) {}

  after(delayMs: number, callback: () => void): void {
    if (this.#ended) return;
    const cancel = this.clock.timer(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  end(): void {
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}
