import assert from "node:assert/strict";
import { eventually } from "../../support/eventually.ts";
import { setupPulling } from "../../support/pulling.ts";

Deno.test("PullConsumer.stop lets deliveries that are on their way reach the sink, and none after it", async () => {
  await using orders = await setupPulling(1_000);
  await orders.publish(500);
  let stopped: Promise<void> | undefined;
  orders.sink.onDelivery(() => stopped ??= orders.source.stop());
  orders.source.start(orders.sink);
  await eventually(() => stopped !== undefined);
  await stopped;
  const handedOver = orders.sink.held.length;
  // A delivery that is counted and never received would wait for the ack wait, and have used up an attempt.
  assert.equal((await orders.consumer()).num_ack_pending, handedOver);
  await orders.publish(10);
  await orders.nc.flush();
  const { num_ack_pending, num_pending } = await orders.consumer();
  assert.deepEqual({ num_ack_pending, num_pending }, { num_ack_pending: handedOver, num_pending: 510 - handedOver });
  assert.equal(orders.sink.held.length, handedOver);
});

Deno.test("PullConsumer.stop leaves earlier deliveries to be settled", async () => {
  await using orders = await setupPulling(5);
  await orders.publish(5);
  orders.source.start(orders.sink);
  await orders.sink.holds(5);
  await orders.source.stop();
  orders.sink.letGo(5, orders.nc, orders.source);
  await eventually(async () => (await orders.consumer()).num_ack_pending === 0);
});

Deno.test("PullConsumer.stop leaves no pull at the server, and may be called twice", async () => {
  await using orders = await setupPulling(5);
  orders.source.start(orders.sink);
  await eventually(async () => (await orders.consumer()).num_waiting === 1);
  await orders.source.stop();
  await eventually(async () => (await orders.consumer()).num_waiting === 0);
  await orders.source.stop();
});

Deno.test("PullConsumer.stop works before a start", async () => {
  await using orders = await setupPulling(5);
  await orders.source.stop();
});

Deno.test("PullConsumer.stop works while the connection is down", async () => {
  await using orders = await setupPulling(5);
  orders.source.start(orders.sink);
  await orders.server.kill();
  await orders.source.stop();
});

Deno.test("PullConsumer.stop works on a closed connection", async () => {
  await using orders = await setupPulling(5);
  orders.source.start(orders.sink);
  await orders.nc.close();
  await orders.source.stop();
});
