import { AckPolicy, type ConsumerConfig, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import { pullPage } from "../inspect/pull_page.ts";
import { findConsumer } from "../topology/find.ts";

/** Messages of one page. Bounds the memory of a reader that is slower than the server. */
const PAGE = 200;
/** Maximum wait for a page in milliseconds. */
const PAGE_MS = 5_000;
/** Inactive threshold of the consumer in milliseconds: a reader may take a second for each message of a page. */
const INACTIVE_MS = 300_000;

/** Part of a stream. */
export interface HistoryRange {
  readonly stream: string;
  readonly filters: readonly string[];
  /** Sequence of the first message, or the time at which it was stored, in milliseconds since 1970. */
  readonly from: { readonly sequence: number } | { readonly timeMs: number };
  /** Sequence of the last message. */
  readonly until: number;
  /** Time after which no message is read, in milliseconds since 1970. Default: any. */
  readonly untilMs?: number;
}

/**
 * Reads the messages of a part of a stream, as the deliveries that a consumer would make of them, oldest first. They
 * cannot be settled.
 *
 * @throws {Error} if messages are left and the server delivers none.
 */
export async function* readHistory(
  nc: NatsConnection,
  jsm: JetStreamManager,
  range: HistoryRange,
  names: Namespace,
): AsyncIterable<Delivery> {
  const { stream, until, untilMs = Infinity } = range;
  let from = range.from, consumer = await createConsumer(jsm, range, from);
  try {
    while (consumer.pending > 0) {
      const page = await pullPage(nc, stream, consumer.name, Math.min(PAGE, consumer.pending), PAGE_MS, names);
      for (const delivery of page) {
        if (delivery.sequence > until || delivery.storedAtMs > untilMs) return;
        from = { sequence: delivery.sequence + 1 };
        yield delivery;
      }
      consumer.pending -= page.length;
      if (page.length > 0) continue;
      const found = await findConsumer(jsm, stream, consumer.name);
      if (found && found.num_pending > 0) {
        const what = `${found.num_pending} messages of ${stream} were not delivered`;
        throw new Error(what, { cause: new errors.TimeoutError() });
      }
      if (found) return; // the stream has removed the rest
      consumer = await createConsumer(jsm, range, from); // its server has restarted
    }
  } finally {
    await jsm.consumers.delete(stream, consumer.name).catch(() => false);
  }
}

async function createConsumer(
  jsm: JetStreamManager,
  { stream, filters }: HistoryRange,
  from: HistoryRange["from"],
): Promise<{ readonly name: string; pending: number }> {
  const start: Partial<ConsumerConfig> = "sequence" in from
    ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, from.sequence) }
    : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(from.timeMs).toISOString() };
  const { name, num_pending: pending } = await jsm.consumers.add(stream, {
    filter_subjects: [...filters],
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE_MS * 1e6,
    ...start,
  });
  return { name, pending };
}
