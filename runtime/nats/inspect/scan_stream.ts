import { AckPolicy, DeliverPolicy, type JsMsg } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import { jetstreamManagerOn, jetstreamOn } from "../client/subject_prefixes.ts";

/** Messages of one fetch. Bounds the memory of a reader that is slower than the server. */
const BATCH = 500;
/** Timeout of one fetch in milliseconds. */
const FETCH_MS = 5_000;
/** Inactive threshold of the consumer in milliseconds: the server deletes it after a reader that stops early. */
const INACTIVE_MS = 10_000;

/**
 * Reads the headers of all messages that a stream holds, oldest first. Messages stored meanwhile may be included.
 *
 * @param filter A subject or a pattern.
 * @throws {Error} if messages are left and the server delivers none: a scan that ends has read them all.
 * @param from Reads only messages stored since a time in milliseconds since 1970, or from a sequence on. Default: all.
 */
export async function* scanStream(
  nc: NatsConnection,
  stream: string,
  filter: string,
  { sinceMs, fromSequence }: { readonly sinceMs?: number; readonly fromSequence?: number } = {},
): AsyncIterable<JsMsg> {
  // Not the client's ordered consumer: each fetch re-creates it, and the first loses its start time.
  const jsm = await jetstreamManagerOn(nc);
  const { name, num_pending } = await jsm.consumers.add(stream, {
    filter_subject: filter,
    headers_only: true,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE_MS * 1e6,
    ...(sinceMs !== undefined && {
      deliver_policy: DeliverPolicy.StartTime,
      opt_start_time: new Date(sinceMs).toISOString(),
    }),
    ...(fromSequence !== undefined && {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: fromSequence,
    }),
  });
  const consumer = await jetstreamOn(nc).consumers.get(stream, name);
  for (let pending = num_pending; pending > 0;) {
    const batch = await consumer.fetch({ max_messages: Math.min(BATCH, pending), expires: FETCH_MS });
    let received = 0;
    try {
      for await (const message of batch) {
        received++;
        pending = message.info.pending;
        yield message;
      }
    } finally {
      await batch.close(); // the reader may have stopped early
    }
    if (received > 0) continue;
    pending = (await jsm.consumers.info(stream, name)).num_pending; // the stream may have removed the rest
    const what = `${pending} messages of ${stream} were not delivered`;
    if (pending > 0) throw new Error(what, { cause: new errors.TimeoutError() });
  }
}
