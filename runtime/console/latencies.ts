/** Bounds of the buckets: each is 15 % above the one before, which is the error of a percentile. */
const FIRST_MS = 0.02, FACTOR = 1.15, BUCKETS = 128;
const LOG_FACTOR = Math.log(FACTOR);

/** Durations counted in buckets. A duration costs an increment, and all together half a kilobyte. */
export class Latencies {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  record(ms: number): void {
    const bucket = ms <= FIRST_MS ? 0 : Math.ceil(Math.log(ms / FIRST_MS) / LOG_FACTOR);
    this.#counts[Math.min(bucket, BUCKETS - 1)]++;
    this.#total++;
  }

  get total(): number {
    return this.#total;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** Returns a percentile of some durations together in milliseconds, or null without any. @param share From 0 to 1. */
  static percentile(share: number, ...some: readonly Latencies[]): number | null {
    const total = some.reduce((sum, { total }) => sum + total, 0);
    if (total === 0) return null;
    let left = Math.max(1, Math.ceil(share * total));
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (const one of some) left -= one.#counts[bucket];
      if (left <= 0) return rounded(FIRST_MS * FACTOR ** (bucket - 0.5));
    }
    return null;
  }
}

/** Returns a number with three significant digits. */
export function rounded(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(3));
}
