/** Values below this are kept exactly; above, each power of two has half as many buckets: an error below 0.1 %. */
const EXACT = 2_048;
const HALF = EXACT / 2;
const HALF_BITS = 10;
const LARGEST = 2 ** 31 - 1;
const BUCKETS = indexOf(LARGEST) + 1;

/**
 * Counts whole numbers of 0 to 2³¹ - 1 in buckets that widen with the value, as HdrHistogram does: three digits of
 * every percentile, in 88 kB, at the cost of an addition each. So no value is left out, however rare.
 */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  count = 0;
  max = 0;

  /** Fractions are cut off, and what lies outside counts as the nearest value inside. */
  record(value: number): void {
    const whole = Math.max(0, Math.min(LARGEST, Math.floor(value)));
    this.#counts[indexOf(whole)]++;
    this.count++;
    if (whole > this.max) this.max = whole;
  }

  /** The value that so many per cent of all are not above, rounded up to its bucket's end; 0 when there are none. */
  percentile(percent: number): number {
    const rank = rankOf(percent, this.count);
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index];
      if (seen >= rank && seen > 0) return Math.min(this.max, endOf(index));
    }
    return 0;
  }
}

/** Which of `count` values in order, from 1, is the percentile. */
export function rankOf(percent: number, count: number): number {
  return Math.max(1, Math.ceil(percent * count / 100 - 1e-9)); // 99.9 % of 1,000 is 999, in binary fractions as well
}

function indexOf(value: number): number {
  if (value < EXACT) return value;
  const shift = 31 - Math.clz32(value) - HALF_BITS;
  return EXACT + (shift - 1) * HALF + (value >>> shift) - HALF;
}

/** The largest value of a bucket. */
function endOf(index: number): number {
  if (index < EXACT) return index;
  const shift = Math.floor((index - EXACT) / HALF) + 1;
  return ((index - EXACT) % HALF + HALF + 1) * 2 ** shift - 1;
}
