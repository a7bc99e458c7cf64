import type { JetStreamManager } from "@nats-io/jetstream";
import type { Clock } from "../../engine/clock.ts";
import type { AckFloor, Durable } from "../topology/resources.ts";

/** Interval at which the ack floors are read. It bounds what a consumer that is created again repeats. */
const READ_INTERVAL_MS = 30_000;

/**
 * Remembers each consumer's ack floor. A consumer that is deleted while the runtime runs is created again from there:
 * from the start of its stream it would repeat everything, from the end it would lose what was pending.
 */
export class AckFloors {
  readonly #floors = new Map<Durable, AckFloor>();
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(readonly jsm: JetStreamManager, readonly durables: readonly Durable[], readonly clock: Clock) {}

  /** Undefined when it was never read. */
  of(durable: Durable): AckFloor | undefined {
    return this.#floors.get(durable);
  }

  start(): void {
    if (this.#stopped) return;
    this.#cancel = this.clock.timer(READ_INTERVAL_MS, () => void this.read().finally(() => this.start()));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /**
   * Reads every ack floor. A floor that cannot be read keeps its last value: the consumer may be gone, and is created
   * again from it.
   */
  async read(): Promise<void> {
    for (const durable of this.durables) {
      try {
        const { ack_floor } = await this.jsm.consumers.info(durable.stream, durable.functionName);
        const { created } = await this.jsm.streams.info(durable.stream);
        this.#floors.set(durable, { settledUpTo: ack_floor.stream_seq, streamCreated: created });
      } catch {
        continue;
      }
    }
  }
}
