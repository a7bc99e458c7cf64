/** Delay before the next pull after a failed one, in milliseconds. It doubles while pulls fail. */
const DELAY_MS = { initial: 50, max: 2_000 };
/** Duration after which a failure is reported, in milliseconds: an election of a leader takes less. */
const REPORT_AFTER_MS = 5_000;
/** Delay from which the consumer may be missing, in milliseconds. An election ends before the delay grows to this. */
const MISSING_FROM_MS = 400;

/** Backoff of pulls that fail, and the failure to report. */
export class PullBackoff {
  #delayMs = DELAY_MS.initial;
  #failure: { readonly sinceMs: number; what: string } | undefined;

  /**
   * Records a failed pull. Returns the delay before the next pull.
   *
   * @param sinceMs Time at which the failure began.
   */
  failed(what: string, sinceMs: number): number {
    if (this.#failure) this.#failure.what = what;
    else this.#failure = { sinceMs, what };
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(DELAY_MS.max, delayMs * 2);
    return delayMs;
  }

  succeeded(): void {
    this.#failure = undefined;
    this.#delayMs = DELAY_MS.initial;
  }

  /** True once pulls have failed for longer than an election takes. */
  get mayBeMissing(): boolean {
    return this.#delayMs >= MISSING_FROM_MS;
  }

  problem(nowMs: number): string | undefined {
    const failure = this.#failure;
    return failure && nowMs - failure.sinceMs >= REPORT_AFTER_MS ? failure.what : undefined;
  }
}
