import type { Clock } from "../../engine/clock.ts";

/** How often those who wait are looked at. */
const LOOK_MS = 100;

/** What waits for the connection to come back, but not for ever. One timer serves all of it. */
export class WaitQueue<Item> {
  #waiting: Item[] = [];
  #cancelLook: (() => void) | undefined;

  /** @param endedBy whether that one has waited long enough; it must then see to what becomes of it */
  constructor(readonly clock: Clock, readonly endedBy: (item: Item) => boolean) {}

  add(item: Item): void {
    if (this.endedBy(item)) return;
    this.#waiting.push(item);
    this.#cancelLook ??= this.clock.timer(LOOK_MS, () => this.#look());
  }

  /** Empties it. */
  takeAll(): Item[] {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    return this.#waiting.splice(0);
  }

  #look(): void {
    for (const item of this.takeAll()) this.add(item);
  }
}
