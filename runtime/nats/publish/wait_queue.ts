import type { Clock } from "../../engine/clock.ts";

const POLL_MS = 100;

/** Items that wait for the connection to recover, each for a limited time. One timer serves all of them. */
export class WaitQueue<Item> {
  #waiting: Item[] = [];
  #cancelPoll: (() => void) | undefined;

  /** @param failIfOverdue Fails an item that has waited for long enough, and returns whether it did. */
  constructor(readonly clock: Clock, readonly failIfOverdue: (item: Item) => boolean) {}

  add(item: Item): void {
    if (this.failIfOverdue(item)) return;
    this.#waiting.push(item);
    this.#cancelPoll ??= this.clock.timer(POLL_MS, () => this.#poll());
  }

  takeAll(): Item[] {
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
    return this.#waiting.splice(0);
  }

  #poll(): void {
    for (const item of this.takeAll()) this.add(item);
  }
}
