import assert from "node:assert/strict";
import { jetstream, RetentionPolicy } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { deadEvents, eventsOf, type StoredEvent } from "../../../runtime/nats/impact/stored_events.ts";
import { type Broker, startBroker } from "../../support/nats.ts";

const reader = ({ nc, jsm }: Broker) => ({ nc, jsm, names: NO_NAMESPACE });
const text = ({ delivery: { payload } }: StoredEvent) => new TextDecoder().decode(payload);

for (const retention of [RetentionPolicy.Limits, RetentionPolicy.Interest, RetentionPolicy.Workqueue]) {
  Deno.test(`eventsOf reads a stream with the retention ${retention}, from a time on, and takes nothing from it`, async () => {
    await using broker = await startBroker();
    const { jsm } = broker, js = jetstream(broker.nc);
    await jsm.streams.add({ name: "JOBS", subjects: ["jobs.>"], retention, allow_direct: true });
    await jsm.consumers.add("JOBS", { durable_name: "own", ack_policy: "explicit" });
    for (const n of ["1", "2"]) await js.publish("jobs.made", n);
    await js.publish("jobs.other", "x");
    const read = await Array.fromAsync(eventsOf(reader(broker), "JOBS", ["jobs.made"], 0));
    assert.deepEqual(read.map((one) => [one.sequence, one.delivery.subject, text(one)]), [
      [1, "jobs.made", "1"],
      [2, "jobs.made", "2"],
    ]);
    const later = Date.now() + 60_000;
    assert.deepEqual(await Array.fromAsync(eventsOf(reader(broker), "JOBS", ["jobs.made"], later)), []);
    const { state: { messages, consumer_count } } = await jsm.streams.info("JOBS");
    assert.deepEqual([messages, consumer_count], [3, 1]);
  });
}

Deno.test("eventsOf refuses a work queue without direct reads, and finds none in a stream that is missing", async () => {
  await using broker = await startBroker();
  const retention = RetentionPolicy.Workqueue;
  await broker.jsm.streams.add({ name: "JOBS", subjects: ["jobs.>"], retention, allow_direct: false });
  await assert.rejects(
    Array.fromAsync(eventsOf(reader(broker), "JOBS", ["jobs.made"], 0)),
    /the events of JOBS cannot be read: it is a work queue without allow_direct/,
  );
  assert.deepEqual(await Array.fromAsync(eventsOf(reader(broker), "NONE", ["none.made"], 0)), []);
  assert.deepEqual(await Array.fromAsync(deadEvents(reader(broker))), []);
});

Deno.test("deadEvents joins the payload of a large event, and yields its type and reason", async () => {
  await using broker = await startBroker();
  await broker.jsm.streams.add({ name: "DEAD_LETTERS", subjects: ["dead_letters.>"], allow_direct: true });
  const js = jetstream(broker.nc), hdrs = headers();
  await js.publish("dead_letters._payload.bill.key.0", '{"n":');
  await js.publish("dead_letters._payload.bill.key.1", "7}");
  hdrs.set("weir-payload", "parts 1 2");
  hdrs.set("weir-reason", "rejected");
  hdrs.set("ce-id", "e1");
  await js.publish("dead_letters.bill.shop.ordered", "", { headers: hdrs });
  const [event, ...others] = await Array.fromAsync(deadEvents(reader(broker)));
  assert.deepEqual(others, []);
  assert.deepEqual([event.sequence, event.reason, event.delivery.subject, text(event)], [
    ...[3, "rejected", "shop.ordered", '{"n":7}'],
  ]);
  assert.equal(event.delivery.headers.get("ce-id"), "e1");
});
