import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { readBatch } from "./read_batch.ts";

/** Number of messages that one request reads, and bytes at which it ends. Messages come with their payloads. */
const BATCH = { batch: 500, max_bytes: 4_000_000 };

/**
 * Reads the messages of a stream with their payloads, in the order they were stored. It uses no consumer, since a work
 * queue refuses a second one. The stream must allow direct reads, as every stream of Weir does.
 *
 * @param filter A subject or a pattern.
 */
export async function* readStored(jsm: JetStreamManager, stream: string, filter: string): AsyncIterable<StoredMsg> {
  for (let seq = 1;;) {
    const messages = await readBatch(jsm, stream, { seq, next_by_subj: filter, ...BATCH });
    if (messages.length === 0) return;
    seq = messages.at(-1)!.seq + 1;
    yield* messages;
  }
}
