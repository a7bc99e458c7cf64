import type { AttemptStore } from "./attempt_store.ts";

/** Interval at which the mark is written again, in milliseconds. Its entry expires after seven days. */
const RENEW_MS = 3_600_000;
/** Wait after a failure to write the mark, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * The stored mark of a function that pulls ahead, written before it first does. If a process dies, its first deliveries
 * are presumed to have begun an attempt. Those of a marked function are not, since most of the deliveries that it held
 * had not begun.
 */
export class PrefetchMark {
  #isStored = false;
  #dueMs = -Infinity;

  /** @param onStored Called once the mark is stored for the first time. */
  constructor(readonly functionName: string, readonly attempts: AttemptStore, readonly onStored: () => void) {}

  /** Returns whether the mark is stored. Writes it if that is due. */
  isStored(nowMs: number): boolean {
    if (nowMs >= this.#dueMs) {
      this.#dueMs = nowMs + (this.#isStored ? RENEW_MS : RETRY_MS);
      this.attempts.markPrefetching(this.functionName).then(() => this.#stored(nowMs), () => {}); // tried again
    }
    return this.#isStored;
  }

  #stored(nowMs: number): void {
    this.#dueMs = nowMs + RENEW_MS;
    if (this.#isStored) return;
    this.#isStored = true;
    this.onStored();
  }
}
