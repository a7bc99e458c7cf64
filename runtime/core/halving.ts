interface Part<Item, Failure> {
  readonly items: readonly Item[];
  /** Failure of the part that was halved into this one. Undefined for the whole batch. */
  readonly failure: Failure | undefined;
}

/**
 * The order in which a batch that failed is run again in halves, until each item at fault is alone. If `k` of `n` items
 * are at fault, it takes about `2 k log2(n / k) + 2 k` runs at the most. When `2 log2(n) + 1` runs have failed and none
 * has succeeded, the items are probably not at fault, and the search ends.
 */
export class Halving<Item, Failure> {
  readonly #parts: Part<Item, Failure>[];
  readonly #maxFailures: number;
  #failures = 0;
  #hasSucceeded = false;

  /** @param items At least one. */
  constructor(items: readonly Item[]) {
    this.#parts = [{ items, failure: undefined }];
    this.#maxFailures = 2 * Math.ceil(Math.log2(items.length)) + 1;
  }

  /** Returns the items to run next; undefined when the search has ended. */
  next(): readonly Item[] | undefined {
    if (!this.#hasSucceeded && this.#failures >= this.#maxFailures) return undefined;
    return this.#parts.pop()?.items;
  }

  succeeded(): void {
    this.#hasSucceeded = true;
  }

  /** Records that a part failed in the last run. A part of several items is run again in halves. */
  failed(items: readonly Item[], failure: Failure): void {
    this.#failures++;
    if (items.length === 1) return;
    const middle = Math.ceil(items.length / 2);
    this.#parts.push({ items: items.slice(middle), failure }, { items: items.slice(0, middle), failure });
  }

  /** Returns the items that were not run again, each with the failure of the part that it was in. */
  rest(): [Item, Failure][] {
    return this.#parts.flatMap(({ items, failure }) => items.map((item): [Item, Failure] => [item, failure!]));
  }
}
