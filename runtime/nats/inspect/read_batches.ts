import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { readBatch } from "./read_batch.ts";

/** Number of messages that one request reads, and bytes at which it ends. Messages come with their payloads. */
const BATCH = { batch: 500, max_bytes: 4_000_000 };

/**
 * Reads all messages of a stream that match a subject, oldest first, a batch at a time. It uses no consumer, since a
 * work queue refuses a second one.
 *
 * @param from Sequence at which it begins. Default: 1.
 */
export async function* readBatches(
  jsm: Pick<JetStreamManager, "direct">,
  stream: string,
  subject: string,
  from = 1,
): AsyncIterable<StoredMsg[]> {
  for (let seq = from;;) {
    const messages = await readBatch(jsm, stream, { seq, next_by_subj: subject, ...BATCH });
    if (messages.length === 0) return;
    seq = messages.at(-1)!.seq + 1;
    yield messages;
  }
}
