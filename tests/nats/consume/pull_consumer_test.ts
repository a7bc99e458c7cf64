import assert from "node:assert/strict";
import { eventually } from "../../support/eventually.ts";
import { setupPulling } from "../../support/pulling.ts";
import { ackSubjectText } from "../../../runtime/nats/consume/parse_delivery.ts";

Deno.test("PullConsumer delivers every message once, in the stream's order", async () => {
  await using orders = await setupPulling(500);
  orders.source.start(orders.sink);
  await orders.publish(300);
  await orders.sink.holds(300);
  assert.deepEqual(orders.sink.sequences, Array.from({ length: 300 }, (_, i) => i + 1));
});

Deno.test("PullConsumer delivers where a message is stored, when, and how often it was delivered", async () => {
  await using orders = await setupPulling(1);
  orders.source.start(orders.sink);
  await orders.publish(1);
  await orders.sink.holds(1);
  const { ackSubject, messageKey, storedAtMs, payload, headers, ...rest } = orders.sink.held[0];
  assert.deepEqual(rest, {
    stream: "ORDERS",
    sequence: 1,
    subject: "orders.created",
    deliveryCount: 1,
    history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
  });
  assert.match(messageKey, /^ORDERS\.1\.\d{19}$/);
  assert.match(ackSubjectText(ackSubject), /^\$JS\.ACK\.ORDERS\.handle\.1\.1\.1\./);
  assert.equal(new TextDecoder().decode(payload), '{"n":1}');
  assert.deepEqual([...headers.entries()], []);
  const stored = await orders.jsm.streams.getMessage("ORDERS", { seq: 1 });
  assert.equal(storedAtMs, Math.floor(stored!.time.getTime()));
});

Deno.test("PullConsumer takes no more than there are credits", async () => {
  await using orders = await setupPulling(10);
  await orders.publish(100);
  orders.source.start(orders.sink);
  await orders.sink.holds(10);
  await orders.nc.flush();
  assert.equal(orders.sink.held.length, 10);
  const { num_ack_pending, num_pending } = await orders.consumer();
  assert.deepEqual({ num_ack_pending, num_pending }, { num_ack_pending: 10, num_pending: 90 });
});

Deno.test("PullConsumer pulls for all credits that come free, and never exceeds them", async () => {
  await using orders = await setupPulling(10);
  await orders.publish(100);
  orders.source.start(orders.sink);
  let left = 100;
  for (const count of [10, 1, 1, 7, 3, 10, 2, 9, 5, 10, 4, 8, 6, 10, 4]) {
    await orders.sink.holds(10);
    orders.sink.letGo(count, orders.nc, orders.source);
    left -= count;
  }
  assert.equal(left, 10);
  await orders.sink.holds(10);
  assert.equal(orders.sink.sequences.length, 100);
  assert.equal(orders.sink.most, 10);
});

Deno.test("PullConsumer pulls nothing without credits", async () => {
  await using orders = await setupPulling(0);
  await orders.publish(5);
  orders.source.start(orders.sink);
  orders.source.wake();
  const { num_waiting, num_ack_pending } = await orders.consumer();
  assert.deepEqual({ num_waiting, num_ack_pending }, { num_waiting: 0, num_ack_pending: 0 });
});

Deno.test("PullConsumer takes no more bytes than there is room for, and one message that exceeds it", async () => {
  await using orders = await setupPulling(16, 250_000);
  for (const size of [...Array(20).fill(100_000), 400_000, 10]) {
    await orders.nc.request("orders.created", "x".repeat(size));
  }
  orders.source.start(orders.sink);
  const most = { bytes: 0 };
  orders.sink.onDelivery(() => most.bytes = Math.max(most.bytes, 250_000 - orders.sink.room()));
  await eventually(() => orders.sink.sequences.length >= 2);
  await eventually(() => {
    orders.sink.letGo(1, orders.nc, orders.source);
    return orders.sink.sequences.length === 22;
  });
  assert.deepEqual(orders.sink.sequences, Array.from({ length: 22 }, (_, i) => i + 1));
  assert.ok(most.bytes <= 250_000 + 400_000, `${most.bytes} bytes were held`);
  assert.equal(orders.source.problem(), undefined);
});

Deno.test("PullConsumer pulls for a sink with room for a fraction of a byte", async () => {
  await using orders = await setupPulling(10, 1_000.5);
  await orders.publish(2);
  orders.source.start(orders.sink);
  await orders.sink.holds(2);
});
