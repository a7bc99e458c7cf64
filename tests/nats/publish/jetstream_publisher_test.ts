import assert from "node:assert/strict";
import { startStoring, withId } from "../../support/storing.ts";

const ids = (count: number) => Array.from({ length: count }, (_, i) => `order-${i}`);

Deno.test("JetStreamPublisher stores five thousand messages of a tick in order", async () => {
  await using bench = await startStoring();
  const stored = await Promise.all(ids(5_000).map((id) => bench.put(id)));
  assert.deepEqual(stored.map(({ sequence }) => sequence), Array.from({ length: 5_000 }, (_, i) => i + 1));
  assert.deepEqual(stored[4_999], { stream: "ORDERS", sequence: 5_000, duplicate: false });
  assert.equal((await bench.jsm.streams.info("ORDERS")).state.messages, 5_000);
});

Deno.test("JetStreamPublisher stores the subject, the bytes and the headers that were given", async () => {
  await using bench = await startStoring();
  const hdrs = withId("order-1");
  hdrs.set("ce-id", "order-1");
  await bench.publisher.publish("orders.created", Uint8Array.of(0, 200, 10), hdrs);
  const message = (await bench.jsm.streams.getMessage("ORDERS", { seq: 1 }))!;
  assert.equal(message.subject, "orders.created");
  assert.deepEqual([...message.data], [0, 200, 10]);
  assert.deepEqual([...message.header], [["Nats-Msg-Id", ["order-1"]], ["ce-id", ["order-1"]]]);
});

Deno.test("JetStreamPublisher reports a repeated id as a duplicate, with the position of the first", async () => {
  await using bench = await startStoring();
  await bench.put("other");
  assert.deepEqual(await bench.put("order-1"), { stream: "ORDERS", sequence: 2, duplicate: false });
  assert.deepEqual(await bench.put("order-1"), { stream: "ORDERS", sequence: 2, duplicate: true });
  assert.deepEqual(await bench.put("order-1", "orders.paid"), { stream: "ORDERS", sequence: 2, duplicate: true });
});

Deno.test("JetStreamPublisher stores a message in a stream that is created while it retries", async () => {
  await using bench = await startStoring();
  const storing = bench.put("payment-1", "payments.due");
  await bench.jsm.streams.add({ name: "PAYMENTS", subjects: ["payments.>"] });
  assert.deepEqual(await storing, { stream: "PAYMENTS", sequence: 1, duplicate: false });
});
