import assert from "node:assert/strict";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import type { OutgoingEvent } from "../../../runtime/core/event.ts";
import { publishAsync } from "../../../runtime/engine/publisher.ts";
import { EventPublisher } from "../../../runtime/nats/publish/event_publisher.ts";
import { LateDedup } from "../../../runtime/nats/publish/late_dedup.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { startBroker } from "../../support/nats.ts";

const EVENT: OutgoingEvent = {
  id: "order-1",
  type: "orders.created",
  source: "/ingress/shop",
  time: "2026-11-21T10:00:00.000Z",
  json: '{"orderId":"o1","note":"für 🚂"}',
};

async function setup() {
  const broker = await startBroker();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  const store = new JetStreamPublisher(broker.nc, systemClock);
  broker.defer(() => store.close());
  const stored = async (sequence: number) => (await broker.jsm.streams.getMessage("ORDERS", { seq: sequence }))!;
  return {
    ...broker,
    publisher: new EventPublisher(store, broker.jsm, new LateDedup(broker.nc, broker.jsm, systemClock)),
    stored,
  };
}

Deno.test("EventPublisher publishes a CloudEvent in binary mode", async () => {
  await using nats = await setup();
  assert.deepEqual(await publishAsync(nats.publisher, EVENT), { stream: "ORDERS", sequence: 1, duplicate: false });
  const { subject, data, header } = await nats.stored(1);
  assert.equal(subject, "orders.created");
  assert.equal(new TextDecoder().decode(data), '{"orderId":"o1","note":"für 🚂"}');
  assert.deepEqual([...header], [
    ["Nats-Msg-Id", ["/ingress/shop order-1"]],
    ["ce-specversion", ["1.0"]],
    ["ce-id", ["order-1"]],
    ["ce-type", ["orders.created"]],
    ["ce-source", ["/ingress/shop"]],
    ["ce-time", ["2026-11-21T10:00:00.000Z"]],
    ["content-type", ["application/json"]],
  ]);
});

Deno.test("EventPublisher puts the length of the chain of an emitted event into a header", async () => {
  await using nats = await setup();
  await publishAsync(nats.publisher, { ...EVENT, hops: 7 });
  assert.equal((await nats.stored(1)).header.get("weir-hops"), "7");
});

Deno.test("EventPublisher names the version of the schema in ce-dataschema, unless the publisher names a schema", async () => {
  await using nats = await setup();
  const dataschema = "https://schemas.example/order";
  const events = [{ version: 1 }, { version: 2 }, {}, { version: 2, extensions: { dataschema } }];
  for (const [i, event] of events.entries()) await publishAsync(nats.publisher, { ...EVENT, ...event, id: `e${i}` });
  const named = await Promise.all(
    [1, 2, 3, 4].map(async (seq) => (await nats.stored(seq)).header.values("ce-dataschema")),
  );
  const own = (version: number) => `urn:weir:schema:orders.created:${version}`;
  assert.deepEqual(named, [[own(1)], [own(2)], [], [dataschema]]);
});

Deno.test("EventPublisher puts extension attributes and trace context into headers", async () => {
  await using nats = await setup();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await publishAsync(nats.publisher, {
    ...EVENT,
    extensions: { tenant: "acme", partitionkey: "7" },
    trace: { traceparent, tracestate: "vendor=1" },
  });
  const { header } = await nats.stored(1);
  assert.equal(header.get("ce-tenant"), "acme");
  assert.equal(header.get("ce-partitionkey"), "7");
  assert.equal(header.get("traceparent"), traceparent);
  assert.equal(header.get("tracestate"), "vendor=1");
});

Deno.test("EventPublisher percent-encodes what a header cannot carry, so that no header can be injected", async () => {
  await using nats = await setup();
  const odd = 'a b"%\r\nNats-Rollup: all\u0000🚂';
  await publishAsync(nats.publisher, { ...EVENT, id: odd, source: odd, extensions: { note: odd } });
  const { header } = await nats.stored(1);
  const encoded = "a%20b%22%25%0D%0ANats-Rollup:%20all%00%F0%9F%9A%82";
  assert.deepEqual(["Nats-Msg-Id", "ce-id", "ce-source", "ce-note"].map((name) => header.get(name)), [
    `${encoded} ${encoded}`,
    encoded,
    encoded,
    encoded,
  ]);
  assert.equal(header.has("Nats-Rollup"), false);
  assert.equal(decodeURIComponent(header.get("ce-id")), odd);
});

Deno.test("EventPublisher reports a duplicate, also when the first event was deleted", async () => {
  await using nats = await setup();
  await publishAsync(nats.publisher, EVENT);
  const duplicate = { stream: "ORDERS", sequence: 1, duplicate: true };
  assert.deepEqual(await publishAsync(nats.publisher, EVENT), duplicate);
  await nats.jsm.streams.deleteMessage("ORDERS", 1);
  assert.deepEqual(await publishAsync(nats.publisher, EVENT), duplicate);
});

Deno.test("EventPublisher rejects an event whose id another type has: JetStream did not store it", async () => {
  await using nats = await setup();
  await publishAsync(nats.publisher, EVENT);
  await assert.rejects(publishAsync(nats.publisher, { ...EVENT, type: "orders.paid" }), {
    name: "PublishError",
    code: "id-taken",
    message: 'id "order-1" was used for an event of type orders.created shortly before: use another',
  });
});
