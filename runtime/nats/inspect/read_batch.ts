import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";

/** Status of a request for messages after the last. */
const NOT_FOUND = 404;

/** The messages to read: their subject, where they begin, and the greatest number of messages and bytes. */
type Batch =
  & { readonly next_by_subj: string; readonly batch: number; readonly max_bytes: number }
  & ({ readonly seq: number } | { readonly start_time: Date });

/**
 * Reads messages with their payloads by one direct read. Returns none if no message is left.
 *
 * @throws {Error} when the stream allows no direct reads, or does not respond.
 */
export function readBatch(jsm: Pick<JetStreamManager, "direct">, stream: string, batch: Batch): Promise<StoredMsg[]> {
  const messages: StoredMsg[] = [], { promise, resolve, reject } = Promise.withResolvers<StoredMsg[]>();
  // The client's iterator keeps its subscription after the end of a batch. With a callback it ends that.
  const callback = (done: { err?: Error } | null, message: StoredMsg) => {
    if (!done) messages.push(message);
    else if (done.err && (done.err as { code?: number }).code !== NOT_FOUND) reject(done.err);
    else resolve(messages);
  };
  jsm.direct.getBatch(stream, { ...batch, callback }).catch(reject);
  return promise;
}
