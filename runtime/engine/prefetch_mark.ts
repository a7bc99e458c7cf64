import type { AttemptStore } from "./attempt_store.ts";

/** How often the mark is written again, in milliseconds: its entry expires, after days. */
const RENEW_MS = 3_600_000;
/** Wait after a failure to write it, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * The stored mark that a function pulls ahead, written once before it first does. A first delivery whose process died is
 * presumed to have begun an attempt. With the mark it is not: most of what was held then had not begun.
 */
export class PrefetchMark {
  #isStored = false;
  #dueMs = -Infinity;

  /** @param onStored is called once it is stored for the first time */
  constructor(readonly functionName: string, readonly attempts: AttemptStore, readonly onStored: () => void) {}

  /** Returns whether the mark is stored, and writes it if that is due. */
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
