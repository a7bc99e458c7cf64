/** An object that knows its place in the {@linkcode Slots} that hold it. The place is -1 while none hold it. */
export interface Slotted {
  slot: number;
}

/**
 * A set of objects in no order. Hot path: a `Map` or `Set` with many insertions and deletions leaves its old tables
 * behind, and each keeps young objects alive until a full garbage collection, see bench.
 */
export class Slots<Item extends Slotted> implements Iterable<Item> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** Adds an object, unless it is in the set already. */
  add(item: Item): void {
    if (item.slot < 0) item.slot = this.#items.push(item) - 1;
  }

  /** Removes an object, and returns whether it was there. */
  delete(item: Item): boolean {
    const { slot } = item;
    if (slot < 0) return false;
    const last = this.#items.pop()!;
    if (last !== item) {
      this.#items[slot] = last;
      last.slot = slot;
    }
    item.slot = -1;
    return true;
  }

  find(isIt: (item: Item) => boolean): Item | undefined {
    return this.#items.find(isIt);
  }

  reduce<Value>(next: (value: Value, item: Item) => Value, first: Value): Value {
    return this.#items.reduce(next, first);
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.#items[Symbol.iterator]();
  }
}
