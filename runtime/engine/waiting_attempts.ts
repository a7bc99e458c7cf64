import type { Attempt } from "./attempt.ts";
import type { Clock } from "./clock.ts";

/** Time, in milliseconds, in which an attempt that waits begins, or else goes back: another replica may be idle. */
const BEGIN_WITHIN_MS = 1_000;

/**
 * The attempts that wait for a slot, in the order of their arrival. Once a second it removes those that cannot begin
 * within the next one, by the pace of the last: a quick handler may have become slow.
 */
export class WaitingAttempts {
  readonly #attempts: Attempt[] = [];
  #taken = 0;
  #cancel: (() => void) | undefined;

  /** @param onLate is called with each attempt that is removed since it cannot begin soon */
  constructor(readonly clock: Clock, readonly onLate: (attempt: Attempt) => void) {}

  get count(): number {
    return this.#attempts.length;
  }

  /** Payload bytes of all that waits. */
  get bytes(): number {
    return this.#attempts.reduce((sum, { delivery }) => sum + delivery.payload.length, 0);
  }

  add(attempt: Attempt): void {
    this.#attempts.push(attempt);
    if (!this.#cancel) this.#watch();
  }

  /** Removes the attempt that has waited for the longest. */
  take(): Attempt | undefined {
    this.#taken++;
    return this.#attempts.shift();
  }

  takeAll(): Attempt[] {
    this.#cancel?.();
    this.#cancel = undefined;
    return this.#attempts.splice(0);
  }

  /** The timer runs only while attempts wait, and once more. */
  #watch(): void {
    const sinceMs = this.clock.now(), before = this.#taken;
    this.#cancel = this.clock.timer(BEGIN_WITHIN_MS, () => {
      this.#cancel = undefined;
      const perMs = (this.#taken - before) / Math.max(1, this.clock.now() - sinceMs);
      const late = this.#attempts.splice(Math.floor(perMs * BEGIN_WITHIN_MS));
      if (this.#attempts.length > 0) this.#watch();
      for (const attempt of late) this.onLate(attempt);
    });
  }
}
