import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { OutgoingEvent } from "../../../runtime/core/event.ts";
import { publishAsync } from "../../../runtime/engine/publisher.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { EventPublisher } from "../../../runtime/nats/publish/event_publisher.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { LateDedup } from "../../../runtime/nats/publish/late_dedup.ts";
import { StoredIds } from "../../../runtime/nats/progress/stored_ids.ts";
import { TestCluster } from "../../chaos/cluster.ts";
import { startBroker } from "../../support/nats.ts";

/** Looks up ids in a stream that has the event `known` alone, and checks that it then has no more. */
async function lookUp(nc: NatsConnection, replicas: number): Promise<void> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  await jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], num_replicas: replicas });
  const messages = new JetStreamPublisher(nc, systemClock), ids = new StoredIds(messages);
  const publisher = new EventPublisher(messages, jsm, new LateDedup(nc, jsm, systemClock));
  const event = (id: string): OutgoingEvent => {
    return { id, type: "orders.created", source: "/ingress/shöp", time: "2026-11-21T10:00:00Z", json: "{}" };
  };
  const find = (id: string, source = "/ingress/shöp") => ids.find("orders.created", { id, source });
  const stored = (result: { stream: string; sequence: number } | undefined) =>
    result && `${result.stream}:${result.sequence}`;

  await publishAsync(publisher, event("known one"));
  for (let again = 0; again < 2; again++) {
    assert.equal(stored(await find("known one")), "ORDERS:1");
    assert.equal(await find("known one", "/ingress/other"), undefined);
    assert.equal(await find("later"), undefined);
  }
  const { state } = await jsm.streams.info("ORDERS");
  assert.deepEqual([state.messages, state.last_seq], [1, 1]);
  // The look-up has not used the id up.
  assert.deepEqual(await publishAsync(publisher, event("later")), { stream: "ORDERS", sequence: 2, duplicate: false });
  assert.equal(stored(await find("later")), "ORDERS:2");
  messages.close();
}

Deno.test("StoredIds finds an event by its id and source, and stores nothing", async () => {
  await using broker = await startBroker();
  await lookUp(broker.nc, 1);
});

Deno.test("StoredIds finds an event by its id and source in a stream with three replicas, and stores nothing", async () => {
  await using cluster = await TestCluster.start();
  await lookUp(cluster.nc, 3);
});
