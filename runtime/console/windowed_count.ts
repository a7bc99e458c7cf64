/** Seconds that a rate may look back. */
const MAX_SECONDS = 10;

/** A count that only grows, and its rate over the last seconds. */
export class WindowedCount {
  total = 0;
  /** Totals and their times in milliseconds, oldest first. */
  readonly #marks: { readonly atMs: number; readonly total: number }[] = [];

  /** Remembers the total. Call it once a second. */
  mark(nowMs: number): void {
    this.#marks.push({ atMs: nowMs, total: this.total });
    if (this.#marks.length > MAX_SECONDS + 1) this.#marks.shift();
  }

  /** Returns the increase over the last seconds; 0 before two marks. */
  recent(seconds: number): number {
    const { first, last } = this.#ends(seconds);
    return first && last ? last.total - first.total : 0;
  }

  /** Returns the increase per second over the last seconds. Null before two marks, and after the count began anew. */
  perSecond(seconds: number): number | null {
    const { first, last } = this.#ends(seconds);
    if (!first || !last || first === last || last.total < first.total) return null;
    return (last.total - first.total) / ((last.atMs - first.atMs) / 1_000);
  }

  #ends(seconds: number) {
    return { first: this.#marks.at(-1 - seconds) ?? this.#marks[0], last: this.#marks.at(-1) };
  }
}
