import type { Labels } from "./instrument.ts";

/** One series of a counter. Hot path: callers keep the cell and add to `value`. */
export interface Cell {
  readonly labels: Labels;
  value: number;
}

/** A counter as plain numbers in memory, read at collection. An SDK counter would hash the labels at each increment. */
export class Counter {
  readonly #cells = new Map<string, Cell>();

  /** Returns the series with these labels; a new one starts at 0. */
  cell(labels: Labels): Cell {
    return this.#cells.getOrInsertComputed(Object.values(labels).join("\n"), () => ({ labels, value: 0 }));
  }

  [Symbol.iterator](): Iterator<Cell> {
    return this.#cells.values();
  }
}
