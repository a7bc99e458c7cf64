import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";

/** Messages that one request reads, and about how many bytes: they have their payloads. */
const BATCH = { batch: 500, max_bytes: 4_000_000 };
/** Status of a request for messages after the last. */
const NOT_FOUND = 404;

/** Reads all messages of a stream that match a subject, oldest first, some at a time. Not by a consumer: a work queue refuses one. */
export async function* readBatches(
  jsm: Pick<JetStreamManager, "direct">,
  stream: string,
  subject: string,
): AsyncIterable<StoredMsg[]> {
  for (let seq = 1;;) {
    const messages = await readBatch(jsm, stream, { seq, next_by_subj: subject });
    if (messages.length === 0) return;
    seq = messages.at(-1)!.seq + 1;
    yield messages;
  }
}

/** Reads messages from a sequence on; none after the last. */
function readBatch(
  jsm: Pick<JetStreamManager, "direct">,
  stream: string,
  from: { readonly seq: number; readonly next_by_subj: string },
): Promise<StoredMsg[]> {
  const messages: StoredMsg[] = [], { promise, resolve, reject } = Promise.withResolvers<StoredMsg[]>();
  // The client's iterator keeps its subscription after the end of a batch. With a callback it ends that.
  const callback = (done: { err?: Error } | null, message: StoredMsg) => {
    if (!done) messages.push(message);
    else if (done.err && (done.err as { code?: number }).code !== NOT_FOUND) reject(done.err);
    else resolve(messages);
  };
  jsm.direct.getBatch(stream, { ...from, ...BATCH, callback }).catch(reject);
  return promise;
}
