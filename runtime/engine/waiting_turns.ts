import { MAX_HELD, waitForKey } from "../core/order.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Turn } from "./known_events.ts";

/** Payload bytes of the events that wait in memory for their turn. */
const MAX_HELD_BYTES = 4 * 2 ** 20;

interface Waiting {
  readonly bytes: number;
  /** Called with undefined when the attempt may begin, and with an outcome if it must be given back. */
  readonly resolve: (outcome: Outcome | undefined) => void;
}

/** The events that wait in memory for their turn. */
export class WaitingTurns {
  readonly #waiting = new Map<Turn, Waiting>();
  #bytes = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** Number of further events that may wait; negative if some must be given back. */
  get room(): number {
    return this.#bytes > MAX_HELD_BYTES ? -1 : MAX_HELD - this.#waiting.size;
  }

  /** Resolves to undefined when the event may begin, and to an outcome if it must be given back. */
  add(turn: Turn, bytes: number): Promise<Outcome | undefined> {
    const { promise, resolve } = Promise.withResolvers<Outcome | undefined>();
    this.#waiting.set(turn, { bytes, resolve });
    this.#bytes += bytes;
    return promise;
  }

  has(turn: Turn): boolean {
    return this.#waiting.has(turn);
  }

  /** Returns all, in the order of their arrival. */
  all(): Turn[] {
    return [...this.#waiting.keys()];
  }

  /** Returns the latest event, of those that another one holds up if there are any: it has the longest to wait. */
  latest(isHeldUp: (turn: Turn) => boolean): Turn {
    const turns = this.all(), heldUp = turns.filter(isHeldUp);
    return (heldUp.length > 0 ? heldUp : turns).reduce((a, b) => b.sequence > a.sequence ? b : a);
  }

  /** Removes an event, and returns the function that ends its wait. */
  take(turn: Turn): Waiting["resolve"] {
    const { bytes, resolve } = this.#waiting.get(turn)!;
    this.#waiting.delete(turn);
    this.#bytes -= bytes;
    return resolve;
  }

  giveBack(turn: Turn, delayMs: number): void {
    this.take(turn)(waitForKey(delayMs));
  }

  giveAllBack(): void {
    for (const turn of this.all()) this.giveBack(turn, 0);
  }
}
