import type { Settings } from "./settings.ts";

/** Watches the starts of a function with a `rate`: never more than its limit in any time of its `per`. */
export class RateOracle {
  readonly #starts: number[] = [];
  /**
   * True once a request to the shared rate has failed, so that each process keeps to its part of the limit, or once the
   * counts of a redelivery were stored slowly: that delays its handler after its start was taken.
   */
  isInexact = false;

  constructor(readonly settings: Pick<Settings, "rateLimit" | "ratePerMs">) {}

  began(nowMs: number): void {
    this.#starts.push(nowMs);
  }

  problems(): string[] {
    const { rateLimit, ratePerMs } = this.settings;
    if (rateLimit === 0 || this.isInexact) return [];
    return this.#starts.flatMap((atMs, i) => {
      const before = this.#starts[i - rateLimit];
      return before !== undefined && atMs - before < ratePerMs ? [`start ${i + 1} exceeds the rate`] : [];
    });
  }
}
