import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { PullConsumer } from "../../../runtime/nats/consume/pull_consumer.ts";
import { eventually } from "../../support/eventually.ts";
import { startOrders } from "../../support/orders.ts";
import { HoldingSink } from "../../support/sinks.ts";

/** The same connection, but the server ends each pull after two seconds; `pulls` counts them. */
function withShortPulls(nc: NatsConnection): { nc: NatsConnection; pulls: () => number } {
  let pulls = 0;
  const publish: NatsConnection["publish"] = (subject, payload, options) => {
    if (!subject.startsWith("$JS.API.CONSUMER.MSG.NEXT.")) return nc.publish(subject, payload, options);
    pulls++;
    const request = { ...JSON.parse(String(payload)), expires: 2_000 * 1e6 };
    nc.publish(subject, JSON.stringify(request), options);
  };
  const short = new Proxy(nc, {
    get: (target, name) => {
      const value = name === "publish" ? publish : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { nc: short, pulls: () => pulls };
}

Deno.test("PullConsumer pulls again when a pull expires on a quiet stream, and has no problem", async () => {
  await using orders = await startOrders();
  const { nc, pulls } = withShortPulls(orders.nc);
  const source = new PullConsumer(nc, "ORDERS", "handle", systemClock);
  orders.defer(() => source.stop());
  const sink = new HoldingSink(8);
  source.start(sink);
  await eventually(() => pulls() === 3);
  assert.equal(source.problem(), undefined);
  await orders.publish(8);
  await sink.holds(8);
  assert.equal((await orders.consumer()).num_ack_pending, 8);
});

Deno.test("PullConsumer does not exceed its credits when two half-served pulls expire", async () => {
  await using orders = await startOrders();
  const { nc, pulls } = withShortPulls(orders.nc);
  const source = new PullConsumer(nc, "ORDERS", "handle", systemClock);
  orders.defer(() => source.stop());
  const sink = new HoldingSink(8);
  source.start(sink);
  await eventually(async () => (await orders.consumer()).num_waiting === 1);
  await orders.publish(4); // the first pull owes four more, and the sink is out of credits for a second
  await sink.holds(4);
  sink.letGo(4, orders.nc, source); // now there is one of four beside it
  await eventually(async () => (await orders.consumer()).num_waiting === 2);
  await orders.publish(4); // the server takes turns: each gives two and owes two
  await sink.holds(4);
  await eventually(() => pulls() >= 4); // both ran out, and were followed by others
  await orders.publish(40);
  await sink.holds(8);
  await orders.nc.flush();
  assert.equal((await orders.consumer()).num_ack_pending, 8);
  assert.equal(sink.most, 8);
});
