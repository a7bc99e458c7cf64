import { setImmediate, setTimeout } from "node:timers/promises";

/** Bytes or characters from which JSON gets a turn: parsing and checking it may take as long as many small requests. */
export const LARGE = 8_192;
/** Milliseconds of work after which the event loop gets a pause. */
const FREE_MS = 5;
/** Upper bound in milliseconds for a pause, which is as long as the work before it: NATS and probes are answered. */
const MAX_PAUSE_MS = 100;

/**
 * Spreads large pieces of work over the ticks of the event loop, so that other requests, timers and acks are handled in
 * between. Without this, bodies that arrive together would be parsed in one tick.
 */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is the turn of the next piece of work, which must begin at once. */
  next(): Promise<void> {
    return this.#last = this.#last.then(afterWork);
  }
}

/** Waits until the work that has just begun is done, and then for as long as the work took. */
async function afterWork(): Promise<void> {
  const fromMs = performance.now();
  await setImmediate();
  const workedMs = performance.now() - fromMs;
  if (workedMs > FREE_MS) await setTimeout(Math.min(workedMs, MAX_PAUSE_MS));
}
