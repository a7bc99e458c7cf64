/** So many places that are empty are kept at the beginning before the others move up. */
const MOST_EMPTY = 4_096;

/** What was sent and has no answer, by numbers that rise by one: the oldest first. A map takes five times as long. */
export class InFlight<Item> {
  #items: (Item | undefined)[] = [];
  /** The number of the first place. */
  #from = 1;
  /** The first place that may not be empty. */
  #head = 0;

  /** Gives it the next number. */
  add(item: Item): number {
    return this.#from + this.#items.push(item) - 1;
  }

  /** The one of that number, which is then no longer there. */
  take(number: number): Item | undefined {
    const at = number - this.#from, item = this.#items[at];
    if (item === undefined) return undefined;
    this.#items[at] = undefined;
    this.#moveUp();
    return item;
  }

  /** The one that waits longest. */
  get oldest(): Item | undefined {
    return this.#items[this.#head];
  }

  takeOldest(): Item | undefined {
    return this.take(this.#from + this.#head);
  }

  /** All of those, the oldest first. */
  takeAll(which: (item: Item) => boolean): Item[] {
    const taken: Item[] = [];
    this.#items.forEach((item, at) => {
      if (item === undefined || !which(item)) return;
      taken.push(item);
      this.#items[at] = undefined;
    });
    this.#moveUp();
    return taken;
  }

  #moveUp(): void {
    const { length } = this.#items;
    while (this.#head < length && this.#items[this.#head] === undefined) this.#head++;
    if (this.#head < length && this.#head < MOST_EMPTY) return;
    this.#items.splice(0, this.#head);
    this.#from += this.#head;
    this.#head = 0;
  }
}
