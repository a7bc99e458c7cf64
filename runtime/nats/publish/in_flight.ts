/** Empty slots to accumulate at the front before compacting. */
const MAX_EMPTY = 4_096;

/** Sent items without an answer, by rising numbers, the oldest first. Hot path: an array, since a map is slower, see bench. */
export class InFlight<Item> {
  #items: (Item | undefined)[] = [];
  #firstNumber = 1;
  /** The first slot that may be occupied. */
  #head = 0;

  add(item: Item): number {
    return this.#firstNumber + this.#items.push(item) - 1;
  }

  take(number: number): Item | undefined {
    const at = number - this.#firstNumber, item = this.#items[at];
    if (item === undefined) return undefined;
    this.#items[at] = undefined;
    this.#compact();
    return item;
  }

  get oldest(): Item | undefined {
    return this.#items[this.#head];
  }

  takeOldest(): Item | undefined {
    return this.take(this.#firstNumber + this.#head);
  }

  /** Removes and returns all items that match, the oldest first. */
  takeAll(matches: (item: Item) => boolean): Item[] {
    const taken: Item[] = [];
    this.#items.forEach((item, at) => {
      if (item === undefined || !matches(item)) return;
      taken.push(item);
      this.#items[at] = undefined;
    });
    this.#compact();
    return taken;
  }

  #compact(): void {
    const { length } = this.#items;
    while (this.#head < length && this.#items[this.#head] === undefined) this.#head++;
    if (this.#head < length && this.#head < MAX_EMPTY) return;
    this.#items.splice(0, this.#head);
    this.#firstNumber += this.#head;
    this.#head = 0;
  }
}
