import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import type { PublishResult } from "../../../runtime/engine/publisher.ts";
import { HeaderBlock } from "../../../runtime/nats/client/header_writer.ts";
import { AckBatch, PublishBatch } from "../../../runtime/nats/client/write_batch.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { startBroker } from "../../support/nats.ts";
import { eventually } from "../../support/eventually.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const withId = (id: string) => new HeaderBlock().add("Nats-Msg-Id", id);

async function startPublishing() {
  const broker = await startBroker();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  const publisher = new JetStreamPublisher(broker.nc, systemClock);
  broker.defer(() => publisher.close());
  const publish = (payload: string, block: HeaderBlock, subject = "orders.created") =>
    new Promise<PublishResult>((stored, failed) =>
      publisher.publishText(subject, { payload, headers: () => block }, { stored, failed })
    );
  const put = (id: string, payload: string, subject?: string) => publish(payload, withId(id), subject);
  const stored = async (seq: number) => (await broker.jsm.streams.getMessage("ORDERS", { seq }))!;
  return { ...broker, publisher, publish, put, stored };
}

Deno.test("PublishBatch stores each message of a tick whole and in order, whatever its characters", async () => {
  await using nats = await startPublishing();
  const payloads = ['{"a":1}', '{"name":"Größe"}', '{"train":"🚂"}', "", '{"b":"日本"}'];
  const all = await Promise.all(payloads.map((payload, i) => nats.put(`order-${i}`, payload)));
  assert.deepEqual(all.map(({ sequence }) => sequence), [1, 2, 3, 4, 5]);
  for (const [i, payload] of payloads.entries()) {
    const { data, header } = await nats.stored(i + 1);
    assert.deepEqual([new TextDecoder().decode(data), header.get("Nats-Msg-Id")], [payload, `order-${i}`]);
  }
});

Deno.test("PublishBatch keeps headers with characters beyond ASCII", async () => {
  await using nats = await startPublishing();
  await nats.publish("{}", withId("order-1").add("x-note", "für 🚂"));
  const { data, header } = await nats.stored(1);
  assert.deepEqual([new TextDecoder().decode(data), header.get("x-note")], ["{}", "für 🚂"]);
});

Deno.test("PublishBatch stores more than fits one write", async () => {
  await using nats = await startPublishing();
  const payload = JSON.stringify("x".repeat(50_000));
  await Promise.all(Array.from({ length: 40 }, (_, i) => nats.put(`order-${i}`, payload)));
  const { messages, bytes } = (await nats.jsm.streams.info("ORDERS")).state;
  assert.equal(messages, 40);
  assert.ok(bytes > 40 * payload.length);
});

Deno.test("PublishBatch leaves a message that may be too large to the client, which refuses it alone", async () => {
  await using nats = await startPublishing();
  const max = nats.nc.info!.max_payload;
  const [small, large, fits] = await Promise.allSettled([
    nats.put("order-1", "{}"),
    nats.put("order-2", "x".repeat(max)),
    nats.put("order-3", "x".repeat(max - 100)),
  ]);
  assert.deepEqual([small.status, fits.status], ["fulfilled", "fulfilled"]);
  assert.equal(large.status === "rejected" && large.reason.code, "too-large");
});

Deno.test("PublishBatch leaves a subject with a space to the client, which refuses it", async () => {
  await using nats = await startPublishing();
  await assert.rejects(nats.put("order-1", "{}", "orders.created orders.paid"), { name: "PublishError" });
  assert.equal((await nats.put("order-2", "{}")).sequence, 1);
});

Deno.test("JetStreamPublisher fails a message whose callback throws, and reads the next publish ack", async () => {
  await using nats = await startPublishing();
  const thrown = new Error("no");
  const failed = new Promise((failed) =>
    nats.publisher.publishText("orders.created", { payload: "{}", headers: () => withId("order-1") }, {
      stored: () => {
        throw thrown;
      },
      failed,
    })
  );
  assert.equal(await failed, thrown);
  assert.equal((await nats.put("order-2", "{}")).sequence, 2);
});

Deno.test("PublishBatch takes nothing when the client has moved its protocol", async () => {
  await using nats = await startPublishing();
  const moved = Object.create(nats.nc, { protocol: { value: undefined } });
  assert.equal(new PublishBatch(moved).add({ subject: "a", reply: "b", headers: "", payload: "" }), false);
});

Deno.test("JetStreamPublisher fails a message with headers that NATS cannot carry, and stores the others", async () => {
  await using nats = await startPublishing();
  const [good, bad] = await Promise.allSettled([
    nats.put("order-1", "{}"),
    new Promise((stored, failed) => {
      const headers = () => withId("order-2").add("ce-time", "a\r\nb");
      nats.publisher.publishText("orders.created", { payload: "{}", headers }, { stored, failed });
    }),
  ]);
  assert.equal(good.status, "fulfilled");
  assert.match(bad.status === "rejected" && bad.reason.message, /^the header ce-time has a line break/);
  assert.equal((await nats.jsm.streams.info("ORDERS")).state.messages, 1);
});

/** A connection, and the acks that another one receives on `acks.>`. */
async function startAcking() {
  const server = await startServer();
  const nc = await connect({ servers: server.url }), other = await connect({ servers: server.url });
  const received: string[] = [];
  other.subscribe("acks.>", { callback: (_, msg) => void received.push(`${msg.subject} ${msg.string()}`) });
  await other.flush();
  return {
    nc,
    received,
    async [Symbol.asyncDispose]() {
      await Promise.all([nc.close(), other.close()]);
      await server.stop();
    },
  };
}

Deno.test("AckBatch writes all acks of a tick in one write and in order, at its end", async () => {
  await using nats = await startAcking();
  const writes: Uint8Array[] = [];
  const { protocol } = nats.nc as unknown as { protocol: { sendCommand(bytes: Uint8Array): void } };
  const send = protocol.sendCommand.bind(protocol);
  protocol.sendCommand = (bytes) => {
    writes.push(bytes);
    send(bytes);
  };
  const acks = new AckBatch(nats.nc, () => 0);
  for (const name of ["a", "b", "c"]) acks.add(bytes(`acks.${name}`), "+ACK");
  await Promise.resolve();
  assert.deepEqual(writes, []);
  await eventually(() => nats.received.length === 3);
  assert.deepEqual(nats.received, ["acks.a +ACK", "acks.b +ACK", "acks.c +ACK"]);
  assert.equal(writes.length, 1);
});

Deno.test("AckBatch.flush, and an ack long after the first of its tick, write all that wait", async () => {
  await using nats = await startAcking();
  const writes: string[] = [];
  const { protocol } = nats.nc as unknown as { protocol: { sendCommand(bytes: Uint8Array): void } };
  protocol.sendCommand = (bytes) => void writes.push(new TextDecoder().decode(bytes));
  let nowMs = 0;
  const acks = new AckBatch(nats.nc, () => nowMs);
  acks.add(bytes("acks.a"), "+ACK");
  nowMs = 5;
  acks.add(bytes("acks.b"), "+ACK");
  assert.deepEqual(writes, []);
  nowMs = 6;
  acks.add(bytes("acks.c"), "+ACK");
  assert.deepEqual(writes, ["PUB acks.a 4\r\n+ACK\r\nPUB acks.b 4\r\n+ACK\r\nPUB acks.c 4\r\n+ACK\r\n"]);
  acks.add(bytes("acks.d"), "+ACK");
  acks.flush();
  assert.equal(writes[1], "PUB acks.d 4\r\n+ACK\r\n");
});

Deno.test("AckBatch writes acks that do not fit its buffer at once", async () => {
  await using nats = await startAcking();
  const acks = new AckBatch(nats.nc, () => 0);
  for (let i = 0; i < 2_000; i++) acks.add(bytes(`acks.${i}`), "+TERM weir: rejected");
  await eventually(() => nats.received.length === 2_000);
  assert.deepEqual(nats.received, Array.from({ length: 2_000 }, (_, i) => `acks.${i} +TERM weir: rejected`));
});

Deno.test("AckBatch repeats the acks since a time, and no older ones", async () => {
  await using nats = await startAcking();
  let nowMs = 1_000;
  const acks = new AckBatch(nats.nc, () => nowMs);
  acks.add(bytes("acks.old"), "+ACK");
  await eventually(() => nats.received.length === 1);
  nowMs = 2_000;
  acks.add(bytes("acks.new"), "+ACK");
  await eventually(() => nats.received.length === 2);
  acks.repeat(2_000);
  await eventually(() => nats.received.length === 3);
  assert.equal(nats.received[2], "acks.new +ACK");
  acks.repeat(0);
  await nats.nc.flush();
  acks.add(bytes("acks.last"), "+ACK");
  await eventually(() => nats.received.includes("acks.last +ACK"));
  assert.equal(nats.received.length, 4);
});

Deno.test("AckBatch remembers a bounded number of acks", async () => {
  await using nats = await startAcking();
  const acks = new AckBatch(nats.nc, () => 0);
  for (let i = 0; i < 40_000; i++) acks.add(bytes(`acks.${i}`), "+ACK");
  await eventually(() => nats.received.length === 40_000);
  nats.received.length = 0;
  acks.repeat(0);
  acks.add(bytes("acks.last"), "+ACK");
  await eventually(() => nats.received.includes("acks.last +ACK"));
  assert.ok(nats.received.length > 10_000 && nats.received.length < 30_000, String(nats.received.length));
  assert.equal(nats.received[nats.received.length - 2], "acks.39999 +ACK");
});

Deno.test("AckBatch publishes each ack on its own when the client has moved its protocol", async () => {
  const published: string[] = [];
  const nc = {
    isClosed: () => false,
    publish: (subject: string, text: unknown) => void published.push(`${subject} ${text}`),
  };
  const acks = new AckBatch(nc, () => 0);
  acks.add(bytes("acks.a"), "+ACK");
  acks.add(bytes("acks.b"), "+TERM weir: rejected");
  await eventually(() => published.length === 2);
  assert.deepEqual(published, ["acks.a +ACK", "acks.b +TERM weir: rejected"]);
});
