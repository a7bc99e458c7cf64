import type { JetStreamManager } from "@nats-io/jetstream";
import { readBatches } from "../inspect/read_batches.ts";

/**
 * Finds events in partitions by their ids. A stream has no index of ids, so its messages are read, and one reading serves
 * all who ask meanwhile: a process that takes over asks for everything that the one before had received.
 */
export class AssignedEvents {
  /** Ids, by the subject that is being read. */
  readonly #reading = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(readonly jsm: Pick<JetStreamManager, "direct">) {}

  /** @param subject A subject or a pattern. */
  async has(stream: string, subject: string, id: string): Promise<boolean> {
    const reading = this.#reading.getOrInsertComputed(subject, () => this.#read(stream, subject));
    return (await reading).has(id);
  }

  async #read(stream: string, subject: string): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    try {
      for await (const messages of readBatches(this.jsm, stream, subject)) {
        for (const { header } of messages) ids.add(header.get("Nats-Msg-Id"));
      }
    } finally {
      this.#reading.delete(subject);
    }
    return ids;
  }
}
