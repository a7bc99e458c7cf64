/** Sent items without an answer, by rising numbers: a map keeps them in the order they were sent. */
export class InFlight<Item> {
  readonly #items = new Map<number, Item>();
  #lastNumber = 0;

  add(item: Item): number {
    this.#items.set(++this.#lastNumber, item);
    return this.#lastNumber;
  }

  take(number: number): Item | undefined {
    const item = this.#items.get(number);
    this.#items.delete(number);
    return item;
  }

  get oldest(): Item | undefined {
    return this.#items.values().next().value;
  }

  /** Removes and returns all items that match, the oldest first. */
  takeAll(matches: (item: Item) => boolean): Item[] {
    const taken = [...this.#items].filter(([, item]) => matches(item));
    for (const [number] of taken) this.#items.delete(number);
    return taken.map(([, item]) => item);
  }
}
