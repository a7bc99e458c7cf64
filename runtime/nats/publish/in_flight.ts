/** Places at the beginning, a power of two. */
const PLACES = 1_024;

/**
 * Sent items without an answer, each with a number one higher than the last. Hot path: a ring, since the old tables of
 * a `Map` keep their items alive through young collections, see bench.
 */
export class InFlight<Item> {
  /** The place of an item is its number modulo the length, a power of two. */
  #places: (Item | undefined)[] = new Array(PLACES).fill(undefined);
  /** No item has a lower number than the first. */
  #first = 1;
  #last = 0;

  add(item: Item): number {
    if (this.#isFull() && this.oldest !== undefined && this.#isFull()) this.#grow();
    const number = ++this.#last;
    this.#places[this.#placeOf(number)] = item;
    return number;
  }

  take(number: number): Item | undefined {
    if (!Number.isInteger(number) || number < this.#first || number > this.#last) return undefined;
    const place = this.#placeOf(number), item = this.#places[place];
    this.#places[place] = undefined;
    if (number === this.#first) this.#first++;
    return item;
  }

  get oldest(): Item | undefined {
    while (this.#first <= this.#last) {
      const item = this.#places[this.#placeOf(this.#first)];
      if (item !== undefined) return item;
      this.#first++;
    }
    return undefined;
  }

  /** Removes and returns all items that match, the oldest first. */
  takeAll(matches: (item: Item) => boolean): Item[] {
    const taken: Item[] = [];
    for (let number = this.#first; number <= this.#last; number++) {
      const item = this.#places[this.#placeOf(number)];
      if (item !== undefined && matches(item)) taken.push(this.take(number)!);
    }
    return taken;
  }

  #placeOf(number: number): number {
    return number & (this.#places.length - 1);
  }

  #isFull(): boolean {
    return this.#last - this.#first + 1 === this.#places.length;
  }

  #grow(): void {
    const before = this.#places, mask = before.length - 1;
    this.#places = new Array(2 * before.length).fill(undefined);
    for (let number = this.#first; number <= this.#last; number++) {
      this.#places[this.#placeOf(number)] = before[number & mask];
    }
  }
}
