import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type JsMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";

const BATCH = 500;
const FETCH_MS = 5_000;
/** A consumer that nobody reads any more goes by itself after so long. */
const UNUSED_MS = 10_000;

/** Which messages of a stream are meant. */
interface Scanned {
  readonly stream: string;
  /** A subject, or a pattern of them. */
  readonly filter: string;
  /** Only those stored since then: milliseconds since 1970. */
  readonly sinceMs?: number;
}

/**
 * Reads the headers of what a stream holds now, oldest first: in batches, since each is known to end. What is stored
 * while it reads may come as well.
 */
export async function* scanStream(nc: NatsConnection, { stream, filter, sinceMs }: Scanned): AsyncIterable<JsMsg> {
  // The client's ordered consumer forgets its start time with the first fetch, and is made anew with each.
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const { name, num_pending } = await jsm.consumers.add(stream, {
    filter_subject: filter,
    headers_only: true,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: UNUSED_MS * 1e6,
    ...(sinceMs !== undefined && {
      deliver_policy: DeliverPolicy.StartTime,
      opt_start_time: new Date(sinceMs).toISOString(),
    }),
  });
  const consumer = await jetstream(nc).consumers.get(stream, name);
  for (let pending = num_pending; pending > 0;) {
    const batch = await consumer.fetch({ max_messages: Math.min(BATCH, pending), expires: FETCH_MS });
    let got = 0;
    try {
      for await (const message of batch) {
        got++;
        pending = message.info.pending;
        yield message;
      }
    } finally {
      await batch.close(); // whoever reads may have seen enough
    }
    if (got === 0) return;
  }
}
