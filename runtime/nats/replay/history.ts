import { AckPolicy, type ConsumerConfig, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import { consumerSequenceIn } from "../consume/parse_delivery.ts";
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
 * Reads a part of a stream as the deliveries that a consumer would make of its messages, oldest first. These deliveries
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
      const count = Math.min(PAGE, consumer.pending), before = consumer.received;
      for (const delivery of await pullPage(nc, stream, consumer.name, count, PAGE_MS, names)) {
        if (delivery.sequence > until || delivery.storedAtMs > untilMs) return;
        if (consumerSequenceIn(delivery.ackSubject) !== consumer.received + 1) break;
        consumer.received++;
        consumer.pending--;
        from = { sequence: delivery.sequence + 1 };
        yield delivery;
      }
      if (consumer.received - before === count) continue;
      const found = await findConsumer(jsm, stream, consumer.name);
      const isStuck = found !== undefined && consumer.received === before;
      // Deliveries are lost while the connection is down, and this consumer makes each once.
      const hasLost = found !== undefined && found.delivered.consumer_seq > consumer.received;
      if (isStuck && (hasLost ? before === 0 : found.num_pending > 0)) {
        const what = `messages of ${stream} were not delivered: ${consumer.pending} are left`;
        throw new Error(what, { cause: new errors.TimeoutError() });
      }
      if (hasLost) await jsm.consumers.delete(stream, consumer.name);
      else if (found?.num_pending === 0) return; // the stream has removed the rest
      else if (found) continue;
      consumer = await createConsumer(jsm, range, from); // also if its server has restarted
    }
  } finally {
    await jsm.consumers.delete(stream, consumer.name).catch(() => false);
  }
}

async function createConsumer(
  jsm: JetStreamManager,
  { stream, filters }: HistoryRange,
  from: HistoryRange["from"],
): Promise<{ readonly name: string; pending: number; received: number }> {
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
  return { name, pending, received: 0 };
}
