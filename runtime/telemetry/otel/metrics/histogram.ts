import type { Instrument, Labels } from "./instrument.ts";

/** One series of a histogram. Hot path: callers keep the cell and record into it. */
export class HistogramCell {
  readonly sinceMs = Date.now();
  readonly counts: number[];
  sum = 0;
  min = Infinity;
  max = -Infinity;

  constructor(readonly labels: Labels, readonly bounds: readonly number[]) {
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  record(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.counts[bucket]++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }
}

/**
 * A histogram as plain numbers in memory, read at collection. A histogram of the SDK would hash the labels at each
 * value; see bench.
 */
export class Histogram {
  readonly #cells = new Map<string, HistogramCell>();

  constructor(readonly name: string, readonly instrument: Instrument) {}

  /** Returns the series with these labels. It is exported from its first value on. */
  cell(labels: Labels): HistogramCell {
    const create = () => new HistogramCell(labels, this.instrument.buckets ?? []);
    return this.#cells.getOrInsertComputed(Object.values(labels).join("\n"), create);
  }

  [Symbol.iterator](): Iterator<HistogramCell> {
    return this.#cells.values();
  }
}
