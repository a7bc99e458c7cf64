import type { JetStreamManager } from "@nats-io/jetstream";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { FollowedEvent } from "../../engine/progress_source.ts";
import { readBatch } from "../inspect/read_batch.ts";
import { mayBeAssigned } from "../partitions/find_assigned.ts";
import { delayedRetriesOf } from "../retry/retry_stream.ts";
import { findConsumer } from "../topology/find.ts";
import { partitionsIn } from "../topology/partition_changes.ts";

/** The state of an event at one function, as JetStream shows it. */
export type SettledState = "ack" | "dead-letter" | "pending";

/**
 * Greatest number of retries, and of dead letters, that are searched for the event. If there are more since it was
 * stored, its state is not known: it counts as pending.
 */
const SEARCHED = { batch: 200, max_bytes: 1_000_000 };

/** Finds out whether a function is done with an event, for those that were settled before anything listened. */
export class SettledStates {
  /** @param names The names in NATS. Default: without a namespace. */
  constructor(readonly jsm: JetStreamManager, readonly names: Namespace = NO_NAMESPACE) {}

  /**
   * Resolves to `pending` also if the event is settled and an earlier one is not: the ack floor is then before both.
   *
   * @throws {Error} when JetStream does not answer, or the NATS user may not ask.
   */
  async read(event: FollowedEvent, functionName: string): Promise<SettledState> {
    const { retries, deadLetters } = this.names;
    const consumer = await findConsumer(this.jsm, event.stream, this.names.consumer(functionName));
    if (!consumer || consumer.delivered.stream_seq < event.sequence) return "pending";
    if (consumer.num_ack_pending > 0 && consumer.ack_floor.stream_seq < event.sequence) return "pending";
    const isAssigned = partitionsIn(consumer.config.metadata) > 0 &&
      await mayBeAssigned(this.jsm, functionName, event, this.names);
    if (isAssigned) return "pending";
    for (const subject of [delayedRetriesOf(functionName, this.names), `${retries.due}.${functionName}.>`]) {
      if (await this.#mayHave(retries.stream, subject, event) !== "none") return "pending";
    }
    switch (await this.#mayHave(deadLetters.stream, `${deadLetters.prefix}.${functionName}.>`, event)) {
      case "found":
        return "dead-letter";
      case "none":
        return "ack";
      default:
        return "pending";
    }
  }

  /** Searches the messages that were stored since the event was, for one that is of the event. */
  async #mayHave(stream: string, subject: string, event: FollowedEvent): Promise<"found" | "none" | "unknown"> {
    const start_time = new Date(event.storedAtMs);
    const messages = await readBatch(this.jsm, stream, { start_time, next_by_subj: subject, ...SEARCHED });
    const isOf = messages.some(({ header }) =>
      header.get("weir-stream") === event.stream && header.get("weir-sequence") === String(event.sequence)
    );
    if (isOf) return "found";
    const bytes = messages.reduce((total, { data }) => total + data.length, 0);
    return messages.length < SEARCHED.batch && bytes < SEARCHED.max_bytes / 2 ? "none" : "unknown";
  }
}
