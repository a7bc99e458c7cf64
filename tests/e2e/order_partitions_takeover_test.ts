import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { createInbox, headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { DeliveryParser } from "../../runtime/nats/consume/parse_delivery.ts";
import { ORDER_GROUP } from "../../runtime/nats/consume/pin_timing.ts";
import { NatsPartitionStore } from "../../runtime/nats/partitions/nats_partition_store.ts";
import { JetStreamPublisher } from "../../runtime/nats/publish/jetstream_publisher.ts";
import { eventually } from "../support/eventually.ts";
import { Asked, startReplicas, status } from "./ordered_replicas.ts";

/** Pulls the next events of the function, as the process does that assigns them to partitions. */
async function pull(nc: NatsConnection, stream: string, consumer: string, batch: number): Promise<Delivery[]> {
  const inbox = createInbox(), parser = new DeliveryParser(stream, consumer), deliveries: Delivery[] = [];
  const { promise: all, resolve } = Promise.withResolvers<void>();
  const subscription = nc.subscribe(inbox, {
    callback: (_, msg: Msg) => {
      if (msg.reply) deliveries.push(parser.parse(msg)!);
      if (deliveries.length === batch) resolve();
    },
  });
  const request = { batch, expires: 30_000 * 1e6, group: ORDER_GROUP };
  nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), { reply: inbox });
  await all;
  subscription.unsubscribe();
  return deliveries;
}

Deno.test("[G24] order with partitions runs an event once and in its place whose process died after it had assigned it, also once JetStream has forgotten its id", async () => {
  await using weir = await startReplicas(() => {}, { partitions: 2 });
  const creator = await weir.start();
  const nc = await connectNats({ servers: [weir.server.url], name: "test" });
  const jsm = await jetstreamManager(nc), publisher = new JetStreamPublisher(nc, systemClock);
  const stream = await jsm.streams.find(Asked.type);
  await creator[Symbol.asyncDispose]();
  await jsm.streams.update("ORDER_PARTITIONS", { duplicate_window: 100 * 1e6 }); // the least
  const publish = (n: number) => {
    const hdrs = headers();
    hdrs.set("ce-id", `event ${n}`);
    hdrs.set("ce-source", "/test");
    hdrs.set("ce-type", Asked.type);
    hdrs.set("ce-specversion", "1.0");
    return publisher.publish(Asked.type, new TextEncoder().encode(JSON.stringify({ n, key: "a" })), hdrs);
  };
  for (let n = 0; n < 3; n++) await publish(n);
  const deliveries = await pull(nc, stream, "ordered", 3);
  const store = new NatsPartitionStore(publisher, jsm, {} as never, NO_NAMESPACE);
  const ack = (delivery: Delivery, body: string) => nc.request(new TextDecoder().decode(delivery.ackSubject), body);
  // Two processes die: one after it had assigned the first event, and one before it assigned the last.
  await store.store("ordered", { index: 0, of: 2 }, deliveries[0], true);
  await store.store("ordered", { index: 0, of: 2 }, deliveries[1], true);
  await ack(deliveries[1], "+ACK");
  const probe = () => {
    const hdrs = headers();
    hdrs.set("Nats-Msg-Id", "probe");
    return publisher.publish("order_partitions.probe", new Uint8Array(), hdrs);
  };
  await probe();
  await eventually(async () => !(await probe()).duplicate); // the ids from before are forgotten, too
  await nc.request(`$JS.API.CONSUMER.UNPIN.${stream}.ordered`, JSON.stringify({ group: ORDER_GROUP }));
  for (const one of [deliveries[0], deliveries[2]]) await ack(one, '-NAK {"delay":1000000}');
  const replica = await weir.start();
  await publish(3);
  await eventually(() => weir.starts.some(({ n }) => n === 3));
  await eventually(async () => (await status(replica)).ackPending + (await status(replica)).pending === 0);
  assert.deepEqual(weir.starts.map(({ n }) => n), [0, 1, 2, 3]);
  publisher.close();
  await nc.close();
});
