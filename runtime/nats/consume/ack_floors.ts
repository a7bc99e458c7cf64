import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import type { FoundState } from "../topology/plan.ts";
import type { Durable } from "../topology/resources.ts";

/** An ack floor, and the facts that identify the stream of its sequence. */
interface AckFloor {
  readonly settledUpTo: number;
  readonly streamCreated: string;
  /** Sequence of the stream's last message at that time. */
  readonly lastSequence: number;
  readonly lastStoredAt: string;
}

/** The client's type lacks `last_ts`. The value is the text that the server wrote. */
type State = StreamInfo["state"] & { readonly last_ts: unknown };

/**
 * Remembers each consumer's ack floor. A consumer that is deleted while the runtime runs is created again at its ack
 * floor. If it began at the start of its stream, it would repeat everything; if it began at the end, it would lose what
 * was pending.
 */
export class AckFloors {
  readonly #floors = new Map<Durable, AckFloor>();

  constructor(readonly jsm: Pick<JetStreamManager, "streams">) {}

  /**
   * Records the ack floor of every consumer that was found. A consumer that was not found keeps its last recorded
   * floor, at which it is created again.
   */
  record({ streams, consumers }: FoundState): void {
    for (const [durable, consumer] of consumers) {
      const stream = streams.get(durable.stream);
      if (!consumer || !stream) continue;
      const { last_seq: lastSequence, last_ts } = stream.state as State;
      this.#floors.set(durable, {
        settledUpTo: Math.min(consumer.ack_floor.stream_seq, lastSequence),
        streamCreated: stream.created,
        lastSequence,
        lastStoredAt: String(last_ts),
      });
    }
  }

  /**
   * Returns the recorded ack floor of a consumer; undefined if none was recorded.
   *
   * Invariant: returns 0 if the stream may hold other messages up to the ack floor than before. A stream that has lost
   * its end, or was restored from an older backup, gives the same sequences to other messages.
   */
  async settledUpTo(durable: Durable, stream: StreamInfo): Promise<number | undefined> {
    const floor = this.#floors.get(durable);
    if (!floor) return undefined;
    if (floor.streamCreated !== stream.created) return 0;
    return await this.#hasKept(durable.stream, floor, stream.state as State) ? floor.settledUpTo : 0;
  }

  async #hasKept(stream: string, { lastSequence, lastStoredAt }: AckFloor, state: State): Promise<boolean> {
    if (state.last_seq < lastSequence) return false;
    if (state.last_seq === lastSequence) return String(state.last_ts) === lastStoredAt;
    if (state.first_seq > lastSequence) return true;
    const message = await this.jsm.streams.getMessage(stream, { seq: lastSequence });
    return message?.timestamp === lastStoredAt;
  }
}
