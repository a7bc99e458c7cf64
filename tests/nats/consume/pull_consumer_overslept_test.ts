import assert from "node:assert/strict";
import { PullConsumer } from "../../../runtime/nats/consume/pull_consumer.ts";
import { manualClock } from "../../support/clocks.ts";
import { eventually } from "../../support/eventually.ts";
import { startOrders } from "../../support/orders.ts";
import { HoldingSink } from "../../support/sinks.ts";

async function setup() {
  const orders = await startOrders();
  const clock = manualClock();
  const sink = new HoldingSink(4);
  const source = new PullConsumer(orders.nc, "ORDERS", "handle", clock);
  orders.defer(async () => {
    await orders.nc.close(); // first: with a clock that stands still a stop could wait for ever
    await source.stop();
  });
  source.start(sink);
  await eventually(async () => (await orders.consumer()).num_waiting === 1);
  return { ...orders, clock, sink, source };
}

Deno.test("PullConsumer drops what came while the thread was blocked for longer than a lease", async () => {
  await using orders = await setup();
  orders.clock.block(8_001);
  await orders.publish(3);
  // The first message finds the gap; it and the ones behind it are dropped, and there is a pull from a new inbox.
  await eventually(async () => {
    const { num_waiting, num_ack_pending } = await orders.consumer();
    return num_waiting === 1 && num_ack_pending === 3;
  });
  await orders.publish(1);
  await orders.sink.holds(1);
  assert.deepEqual(orders.sink.sequences, [4]);
});

Deno.test("PullConsumer delivers what came during a shorter block", async () => {
  await using orders = await setup();
  orders.clock.block(8_000);
  await orders.publish(3);
  await orders.sink.holds(3);
  assert.deepEqual(orders.sink.sequences, [1, 2, 3]);
});
