import type { Attempt } from "./attempt.ts";
import type { Clock } from "./clock.ts";

/**
 * Milliseconds within which a waiting attempt must begin. Otherwise it is given back, since another replica may be
 * idle.
 */
const BEGIN_WITHIN_MS = 1_000;

/**
 * The attempts that wait for a slot, in the order of their arrival. A quick handler may become slow. Therefore a timer
 * removes, once a second, the attempts that cannot begin within the next second at the pace of the last one.
 */
export class WaitingAttempts {
  readonly #attempts: Attempt[] = [];
  #taken = 0;
  #cancel: (() => void) | undefined;

  /** @param onLate Called with each attempt that is removed, since it cannot begin soon. */
  constructor(readonly clock: Clock, readonly onLate: (attempt: Attempt) => void) {}

  get count(): number {
    return this.#attempts.length;
  }

  /** Payload bytes of all attempts that wait. */
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

  /** Starts the timer. It runs while attempts wait, and once more after the last. */
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
