import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../engine/clock.ts";

/** Failed tries after which something that cannot be stored is reported. A restart of a server takes fewer. */
const REPORT_AFTER = 3;
/** Delays between tries to store, which go on until one succeeds. `attempts` is required by the type and not read. */
const STORE_RETRY = { attempts: 1, initialMs: 500, maxMs: 10_000, factor: 2, jitter: "full" } as const;

/** Something that could not be stored yet. */
export interface Unstored {
  readonly functionName: string;
  /** A sentence that names what cannot be stored, and says what happens to the event. */
  readonly message: string;
  readonly error: unknown;
}

/**
 * Stores what outcomes need, such as a dead letter. Tries again until it is stored, and knows what cannot be stored at
 * the moment.
 */
export class StoreRetrier {
  readonly #unstored = new Map<object, Unstored>();
  #givingUp = false;

  /** @param report Called repeatedly while something cannot be stored. */
  constructor(readonly clock: Clock, readonly report: (unstored: Unstored) => void) {}

  /** Stops the retries: everything that is being stored fails at its next try. */
  giveUp(): void {
    this.#givingUp = true;
  }

  /** Returns everything that could not be stored yet and was reported. */
  unstored(): Unstored[] {
    return [...this.#unstored.values()];
  }

  /**
   * Retries until something is stored. The message is held meanwhile, so a function that cannot store anything pulls
   * fewer and fewer messages. Only a shutdown, or a mistake in the code, ends the retries.
   *
   * @param what For example `a dead letter`.
   * @param repeats Returns whether to try again after an error. Default: after any error but a `TypeError`.
   */
  async untilStored<Stored>(
    functionName: string,
    what: string,
    store: () => Promise<Stored>,
    repeats: (error: unknown) => boolean = (error) => !(error instanceof TypeError),
  ): Promise<Stored> {
    try {
      for (let tries = 1;; tries++) {
        try {
          return await store();
        } catch (error) {
          if (this.#givingUp || !repeats(error)) throw error;
          const message = `${what} cannot be stored: the event is held until it can`;
          const unstored = { functionName, message, error };
          if (tries >= REPORT_AFTER) this.#unstored.set(store, unstored);
          if (tries % REPORT_AFTER === 0) this.report(unstored);
          const delayMs = backoffMs(STORE_RETRY, tries, this.clock.random());
          await new Promise<void>((resolve) => this.clock.timer(delayMs, resolve));
        }
      }
    } finally {
      this.#unstored.delete(store);
    }
  }
}
