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
    const key = Object.values(labels).join("\n");
    let cell = this.#cells.get(key);
    if (!cell) this.#cells.set(key, cell = { labels, value: 0 });
    return cell;
  }

  [Symbol.iterator](): Iterator<Cell> {
    return this.#cells.values();
  }
}
