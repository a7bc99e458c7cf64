import type { Clock } from "../../engine/clock.ts";

/** Timers that end together. */
export class Timers {
  readonly #timers = new Set<() => void>();

  constructor(readonly clock: Pick<Clock, "timer">) {}

  after(delayMs: number, callback: () => void): void {
    const cancel = this.clock.timer(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  cancel(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}
