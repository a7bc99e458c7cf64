import { setImmediate } from "node:timers";

/**
 * Gathers items, and hands over all of one turn of the event loop at its end. The client writes what is published
 * before its next microtask at once; requests that came together are each a few microtasks apart, and a write to a
 * socket costs more than all else that is done for a message.
 */
export class Turn<Item> {
  #items: Item[] = [];

  constructor(readonly ended: (items: readonly Item[]) => void) {}

  add(item: Item): void {
    if (this.#items.push(item) === 1) setImmediate(() => this.ended(this.takeAll()));
  }

  /** Empties it. */
  takeAll(): Item[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }
}
