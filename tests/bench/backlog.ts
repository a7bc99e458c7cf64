import { AckPolicy, jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { JetStreamPublisher } from "../../runtime/nats/publish/jetstream_publisher.ts";
import { EMITTED_STREAM, numberOf, type Order, STREAM, SUBJECT } from "./order.ts";
import { message } from "./order_message.ts";

const AT_ONCE = 1_000;

/** Creates the streams, empty. */
export async function createStream(nc: NatsConnection): Promise<JetStreamManager> {
  const jsm = await jetstreamManager(nc);
  for (const [name, subject] of [[STREAM, "bench.>"], [EMITTED_STREAM, "emitted.>"]]) {
    await jsm.streams.delete(name).catch(() => {}); // the stream does not exist yet
    await jsm.streams.add({ name, subjects: [subject] });
  }
  return jsm;
}

/** Stores orders in a new stream. */
export async function preload(nc: NatsConnection, events: number): Promise<void> {
  await createStream(nc);
  const store = new JetStreamPublisher(nc, systemClock);
  for (let at = 0; at < events; at += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, events - at) }, (_, i) => {
      const { payload, headers } = message(at + i);
      return store.publish(SUBJECT, payload, headers);
    }));
  }
  store.close();
}

/** Deletes the consumers of a run, with those that Weir has on RETRIES, since each costs the server work. */
export async function deleteConsumers(nc: NatsConnection, durables: readonly string[]): Promise<void> {
  const jsm = await jetstreamManager(nc);
  for (const durable of durables) {
    await jsm.consumers.delete(STREAM, durable);
    await jsm.consumers.delete(NO_NAMESPACE.retries.stream, durable).catch(() => {}); // others than Weir have none
  }
}

/** Removes the events that handlers emitted, and returns how many there were. */
export async function takeEmitted(nc: NatsConnection): Promise<number> {
  return (await (await jetstreamManager(nc)).streams.purge(EMITTED_STREAM)).purged;
}

/** Reads the stream back, and counts the orders that are missing and those that are stored again. */
export async function audit(nc: NatsConnection, events: number): Promise<{ lost: number; repeated: number }> {
  const marks = new Uint8Array(events), name = "audit";
  const jsm = await jetstreamManager(nc);
  await jsm.consumers.add(STREAM, { durable_name: name, ack_policy: AckPolicy.None, filter_subject: SUBJECT });
  const consumer = await jetstream(nc).consumers.get(STREAM, name);
  let { num_pending: left } = await consumer.info(), seen = 0, repeated = 0;
  while (left > 0) {
    for await (const stored of await consumer.fetch({ max_messages: Math.min(left, AT_ONCE) })) {
      left--;
      if (marks[numberOf(stored.json<Order>().orderId)]++ > 0) repeated++;
      else seen++;
    }
  }
  await jsm.consumers.delete(STREAM, name);
  return { lost: events - seen, repeated };
}
