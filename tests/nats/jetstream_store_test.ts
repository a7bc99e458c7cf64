import assert from "node:assert/strict";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { DiscardPolicy } from "@nats-io/jetstream";
import { systemClock } from "../../runtime/clock.ts";
import type { Clock } from "../../runtime/flow/ports.ts";
import { JetStreamStore, StoreError } from "../../runtime/nats/jetstream_store.ts";
import { type Broker, startBroker } from "./broker.ts";
import { hurriedClock } from "./clocks.ts";

interface Bench extends Broker {
  readonly store: JetStreamStore;
  /** Stores one order under that id. */
  put(id: string, subject?: string): ReturnType<JetStreamStore["store"]>;
}

const DATA = new TextEncoder().encode('{"orderId":"o1"}');

async function setup(clock: Clock = systemClock): Promise<Bench> {
  const broker = await startBroker();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  const store = new JetStreamStore(broker.nc, clock);
  broker.defer(() => store.close());
  const put = (id: string, subject = "orders.created") => store.store(subject, DATA, withId(id));
  return { ...broker, store, put };
}

function withId(id: string): MsgHdrs {
  const hdrs = headers();
  hdrs.set("Nats-Msg-Id", id);
  return hdrs;
}

/** The StoreError that a store ends with. */
async function refusal(storing: Promise<unknown>): Promise<StoreError> {
  const error = await storing.then((stored) => stored, (error) => error);
  assert.ok(error instanceof StoreError, `expected a StoreError, got ${JSON.stringify(error)}`);
  return error;
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `order-${i}`);

Deno.test("five thousand messages stored at once are each stored, in their order, at a place of their own", async () => {
  await using bench = await setup();
  const stored = await Promise.all(ids(5_000).map((id) => bench.put(id)));
  assert.deepEqual(stored.map(({ sequence }) => sequence), Array.from({ length: 5_000 }, (_, i) => i + 1));
  assert.deepEqual(stored[4_999], { stream: "ORDERS", sequence: 5_000, duplicate: false });
  assert.equal((await bench.jsm.streams.info("ORDERS")).state.messages, 5_000);
});

Deno.test("what is stored has the subject, the bytes and the headers that were given", async () => {
  await using bench = await setup();
  const hdrs = withId("order-1");
  hdrs.set("ce-id", "order-1");
  await bench.store.store("orders.created", Uint8Array.of(0, 200, 10), hdrs);
  const message = (await bench.jsm.streams.getMessage("ORDERS", { seq: 1 }))!;
  assert.equal(message.subject, "orders.created");
  assert.deepEqual([...message.data], [0, 200, 10]);
  assert.deepEqual([...message.header], [["Nats-Msg-Id", ["order-1"]], ["ce-id", ["order-1"]]]);
});

Deno.test("the same id again is a duplicate, and says where the first is", async () => {
  await using bench = await setup();
  await bench.put("other");
  assert.deepEqual(await bench.put("order-1"), { stream: "ORDERS", sequence: 2, duplicate: false });
  assert.deepEqual(await bench.put("order-1"), { stream: "ORDERS", sequence: 2, duplicate: true });
  assert.deepEqual(await bench.put("order-1", "orders.paid"), { stream: "ORDERS", sequence: 2, duplicate: true });
});

Deno.test("a subject that no stream stores is unavailable once eight seconds have passed", async () => {
  const clock = hurriedClock(10);
  await using bench = await setup(clock);
  const start = clock.now();
  const error = await refusal(bench.put("order-1", "nobody.listens"));
  const took = clock.now() - start;
  assert.equal(error.problem, "unavailable");
  assert.match(error.message, /^no stream stores "nobody\.listens", or JetStream is not available; \d+ tries$/);
  assert.ok(took >= 7_000, `it gave up after ${took} ms`);
});

Deno.test("a stream that is made in time still gets the message", async () => {
  await using bench = await setup();
  const storing = bench.put("payment-1", "payments.due");
  await bench.jsm.streams.add({ name: "PAYMENTS", subjects: ["payments.>"] });
  assert.deepEqual(await storing, { stream: "PAYMENTS", sequence: 1, duplicate: false });
});

Deno.test("a message over the server's limit is too large, its headers counted, and nothing else is disturbed", async () => {
  await using bench = await setup();
  const limit = bench.nc.info!.max_payload;
  const block = "NATS/1.0\r\nNats-Msg-Id: order-1\r\n\r\n".length;
  const fits = bench.store.store("orders.created", new Uint8Array(limit - block), withId("order-1"));
  const error = await refusal(bench.store.store("orders.created", new Uint8Array(limit), withId("order-2")));
  assert.equal(error.problem, "too-large");
  assert.equal(error.message, 'a message for "orders.created" with its headers is over the server\'s 1048576 bytes');
  assert.equal((await fits).sequence, 1);
  assert.equal((await bench.put("order-3")).sequence, 2);
});

Deno.test("a full stream refuses, at once", async () => {
  await using bench = await setup();
  await bench.jsm.streams.update("ORDERS", { discard: DiscardPolicy.New, max_msgs: 2 });
  await Promise.all(ids(2).map((id) => bench.put(id)));
  const error = await refusal(bench.put("order-3"));
  assert.equal(error.problem, "refused");
  assert.equal(error.message, 'JetStream refused "orders.created": maximum messages exceeded (10077)');
});

Deno.test("a message over the stream's own limit is refused, at once", async () => {
  await using bench = await setup();
  await bench.jsm.streams.update("ORDERS", { max_msg_size: 10 });
  const error = await refusal(bench.put("order-1"));
  assert.equal(error.problem, "refused");
  assert.equal(error.message, 'JetStream refused "orders.created": message size exceeds maximum allowed (10054)');
});

Deno.test("on a closed connection a store is unavailable, at once", async () => {
  await using bench = await setup();
  await bench.nc.close();
  assert.equal((await refusal(bench.put("order-1"))).problem, "unavailable");
});

Deno.test("a server that restarts in the middle stores each message exactly once", async () => {
  await using bench = await setup();
  const half = ids(1_000).map((id) => bench.put(id));
  await half[0]; // the server is at work on them
  const restarting = bench.server.restart();
  const rest = ids(2_000).slice(1_000).map((id) => bench.put(id));
  await restarting;
  const sequences = new Set((await Promise.all([...half, ...rest])).map(({ sequence }) => sequence));
  assert.equal(sequences.size, 2_000);
  assert.equal((await bench.jsm.streams.info("ORDERS")).state.messages, 2_000);
});
