import type { JetStreamManager } from "@nats-io/jetstream";
import type { Clock } from "../../engine/clock.ts";
import type { AckFloor, Durable } from "../topology/resources.ts";

/** How often the floors are read: what a consumer that has to be made again may repeat. */
const EVERY_MS = 30_000;

/**
 * Remembers up to where each consumer has settled everything. A consumer that is deleted while we run is made again
 * from there: from the start of its stream it would repeat all that was handled, from the end it would lose what
 * waited.
 */
export class AckFloors {
  readonly #floors = new Map<string, AckFloor>();
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(readonly jsm: JetStreamManager, readonly durables: readonly Durable[], readonly clock: Clock) {}

  /** Undefined when it was never read. */
  of(durable: Durable): AckFloor | undefined {
    return this.#floors.get(key(durable));
  }

  start(): void {
    if (this.#stopped) return;
    this.#cancel = this.clock.timer(EVERY_MS, () => void this.read().finally(() => this.start()));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Reads every floor now. One that cannot be read stays what it was. */
  async read(): Promise<void> {
    for (const durable of this.durables) {
      try {
        const { ack_floor } = await this.jsm.consumers.info(durable.stream, durable.functionName);
        const { created } = await this.jsm.streams.info(durable.stream);
        this.#floors.set(key(durable), { settledUpTo: ack_floor.stream_seq, streamCreated: created });
      } catch {
        // out of reach, or gone: what was read before is just what is wanted then
      }
    }
  }
}

function key({ stream, functionName }: Durable): string {
  return `${stream}.${functionName}`;
}
