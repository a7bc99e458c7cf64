import assert from "node:assert/strict";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import type { PublishResult } from "../../../runtime/engine/publisher.ts";
import { Frames } from "../../../runtime/nats/client/frames.ts";
import { HeaderBlock } from "../../../runtime/nats/client/header_block.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { startBroker } from "../../support/nats.ts";

const withId = (id: string) => new HeaderBlock().add("Nats-Msg-Id", id);

async function setup() {
  const broker = await startBroker();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  const store = new JetStreamPublisher(broker.nc, systemClock);
  broker.defer(() => store.close());
  const begin = (id: string, payload: string, subject = "orders.created", more: Record<string, string> = {}) =>
    new Promise<PublishResult>((stored, failed) => {
      const headers = withId(id);
      for (const name in more) headers.add(name, more[name]);
      store.begin(subject, { kind: "text", payload, headers: () => headers }, { stored, failed });
    });
  const stored = async (seq: number) => (await broker.jsm.streams.getMessage("ORDERS", { seq }))!;
  return { ...broker, store, begin, stored };
}

Deno.test("the client lets messages be sent together", async () => {
  await using nats = await setup();
  assert.equal(new Frames(nats.nc).together, true);
});

Deno.test("messages of one turn are each stored whole, in their order, whatever characters they have", async () => {
  await using nats = await setup();
  const payloads = ['{"a":1}', '{"name":"Größe"}', '{"train":"🚂"}', "", '{"b":"日本"}'];
  const all = await Promise.all(payloads.map((payload, i) => nats.begin(`order-${i}`, payload)));
  assert.deepEqual(all.map(({ sequence }) => sequence), [1, 2, 3, 4, 5]);
  for (const [i, payload] of payloads.entries()) {
    const { data, header } = await nats.stored(i + 1);
    assert.deepEqual([new TextDecoder().decode(data), header.get("Nats-Msg-Id")], [payload, `order-${i}`]);
  }
});

Deno.test("headers with other characters than ASCII are whole as well", async () => {
  await using nats = await setup();
  await nats.begin("order-1", "{}", "orders.created", { "x-note": "für 🚂" });
  const { data, header } = await nats.stored(1);
  assert.deepEqual([new TextDecoder().decode(data), header.get("x-note")], ["{}", "für 🚂"]);
});

Deno.test("more than is sent at once is all stored", async () => {
  await using nats = await setup();
  const payload = JSON.stringify("x".repeat(50_000));
  await Promise.all(Array.from({ length: 40 }, (_, i) => nats.begin(`order-${i}`, payload)));
  const { messages, bytes } = (await nats.jsm.streams.info("ORDERS")).state;
  assert.equal(messages, 40);
  assert.ok(bytes > 40 * payload.length);
});

Deno.test("what the server is too small for is refused for itself, and what is just not is stored", async () => {
  await using nats = await setup();
  const most = nats.nc.info!.max_payload;
  const [small, large, fits] = await Promise.allSettled([
    nats.begin("order-1", "{}"),
    nats.begin("order-2", "x".repeat(most)),
    nats.begin("order-3", "x".repeat(most - 100)),
  ]);
  assert.deepEqual([small.status, fits.status], ["fulfilled", "fulfilled"]);
  assert.equal(large.status === "rejected" && large.reason.code, "too-large");
});

Deno.test("a subject that would be two is refused", async () => {
  await using nats = await setup();
  await assert.rejects(nats.begin("order-1", "{}", "orders.created orders.paid"), { name: "StoreError" });
  assert.equal((await nats.begin("order-2", "{}")).sequence, 1);
});

Deno.test("whoever is told and throws is told that it failed, and the next answer is read", async () => {
  await using nats = await setup();
  const thrown = new Error("no");
  const failed = new Promise((failed) =>
    nats.store.begin("orders.created", { kind: "text", payload: "{}", headers: () => withId("order-1") }, {
      stored: () => {
        throw thrown;
      },
      failed,
    })
  );
  assert.equal(await failed, thrown);
  assert.equal((await nats.begin("order-2", "{}")).sequence, 2);
});

Deno.test("without the client's protocol nothing is taken, and each is published by itself", async () => {
  await using nats = await setup();
  const { nc } = nats;
  const other = Object.create(nc, { protocol: { value: undefined } });
  assert.equal(new Frames(other).take({ subject: "a", reply: "b", headers: "", payload: "" }), false);
});

Deno.test("headers that NATS cannot carry are that message's fault, and the others are stored", async () => {
  await using nats = await setup();
  const [good, bad] = await Promise.allSettled([
    nats.begin("order-1", "{}"),
    new Promise((stored, failed) =>
      nats.store.begin("orders.created", {
        kind: "text",
        payload: "{}",
        headers: () => withId("order-2").add("ce-time", "a\r\nb"),
      }, { stored, failed })
    ),
  ]);
  assert.equal(good.status, "fulfilled");
  assert.match(bad.status === "rejected" && bad.reason.message, /^the header ce-time has a line break/);
  assert.equal((await nats.jsm.streams.info("ORDERS")).state.messages, 1);
});
