import type { Clock } from "./clock.ts";
import type { OrderSource } from "./order_source.ts";
import type { ParkedEvents } from "./parked_events.ts";

/** Interval of the looks in milliseconds. */
const LOOK_MS = 15_000;

/**
 * Finds parked events that no process lets return: their first event has ended, and the process that was to send the next
 * one back died, or lost its connection and with it what it knew. Only a delivery makes a process take over, and none
 * comes. So a process that knows no keys reads the dead letters from time to time and, while no event is on its way, sends
 * one event of each such key back.
 */
export class ForgottenKeys {
  source: OrderSource | undefined;
  /** The state in which it last found none. */
  #searched: string | undefined;
  /** Changes at each stop, which ends a look that is under way. */
  #epoch = 0;
  #cancel: () => void = () => {};

  constructor(readonly functionName: string, readonly store: ParkedEvents, readonly clock: Clock) {}

  /** Looks from now on, until it is stopped. */
  begin(): void {
    this.stop();
    if (this.source) this.#lookLater(this.source, this.#epoch);
  }

  stop(): void {
    this.#epoch++;
    this.#cancel();
  }

  #lookLater(source: OrderSource, epoch: number): void {
    this.#cancel = this.clock.timer(LOOK_MS, async () => {
      await this.#look(source, () => epoch !== this.#epoch).catch(() => {}); // the next look tries again
      if (epoch === this.#epoch) this.#lookLater(source, epoch);
    });
  }

  async #look(source: OrderSource, isStopped: () => boolean): Promise<void> {
    const { store, functionName } = this;
    const letters = await store.stored(functionName);
    if (letters === 0) return;
    const idleAt = await source.idleAt(), state = `${letters} at ${idleAt}`;
    if (idleAt === undefined || state === this.#searched) return;
    const forgotten = (await store.load(functionName)).filter(({ isReturning }) => isReturning);
    if (isStopped()) return;
    if (forgotten.length === 0) this.#searched = state;
    // An event that ran meanwhile may have become the first dead letter of its key after those were read, and one that
    // was sent back may not have come to its partition.
    else if (await store.returning(functionName) === 0 && await source.idleAt() === idleAt && !isStopped()) {
      await Promise.all(forgotten.map(({ head }) => store.sendBack(head)));
    }
  }
}
