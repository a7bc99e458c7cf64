import assert from "node:assert/strict";
import type { ConsumerSink } from "../../../runtime/engine/consumer.ts";
import type { OrderSink } from "../../../runtime/engine/order_source.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { OrderConsumers } from "../../../runtime/nats/consume/order_consumers.ts";
import { orderConsumers } from "../../../runtime/nats/consume/pin_requests.ts";
import { YIELD_MS } from "../../../runtime/nats/consume/pin_timing.ts";
import { PullConsumer } from "../../../runtime/nats/consume/pull_consumer.ts";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { retryDurable } from "../../../runtime/nats/retry/resources.ts";
import { ensureTopology } from "../../../runtime/nats/topology/ensure_topology.ts";
import { type Broker, startBroker } from "../../support/nats.ts";
import { desired } from "../../support/desired.ts";
import { eventually } from "../../support/eventually.ts";
import { HoldingSink } from "../../support/sinks.ts";

const DURABLES = [
  { functionName: "ship", consumer: "ship", stream: "ORDERS", filters: ["orders.>"], isPinned: true },
  { ...retryDurable("ship", NO_NAMESPACE), isPinned: true },
] as const;

/** A process that pulls from the consumer of the triggers, and holds what it gets. */
interface Puller {
  /** Ends its pulls, and leaves the events to other processes. */
  leave(): void;
  readonly sink: HoldingSink;
  readonly order: OrderConsumers;
  readonly source: PullConsumer;
  /** The resets of the function, each with whether what runs is kept. */
  readonly resets: boolean[];
}

async function startPuller(broker: Broker): Promise<Puller> {
  const nc = await broker.connect(), order = orderConsumers(nc, DURABLES, NO_NAMESPACE), resets: boolean[] = [];
  const sink = new HoldingSink(10);
  let leavesEvents = false;
  order.connect(
    {
      reset: (keepsRunning) => void resets.push(keepsRunning),
      room: () => 10,
      get leavesEvents() {
        return leavesEvents;
      },
    } satisfies OrderSink,
  );
  const source = new PullConsumer(
    nc,
    "ORDERS",
    "ship",
    systemClock,
    undefined,
    undefined,
    undefined,
    order.pinOf("ORDERS"),
  );
  source.start(sink satisfies ConsumerSink);
  broker.defer(() => source.stop());
  const leave = () => {
    leavesEvents = true;
    sink.paused = () => true;
    sink.credits = () => 0;
  };
  return { leave, sink, order, source, resets };
}

async function startOrder() {
  const broker = await startBroker();
  await ensureTopology(broker.jsm, desired([{ name: "ORDERS", subjects: ["orders.>"] }], DURABLES));
  const publish = async (count: number) => {
    for (let i = 0; i < count; i++) await broker.jsm.jetstream().publish("orders.paid", "{}");
  };
  return { broker, publish };
}

/** Starts a process that has the pin and holds one event, and then another one. */
async function startPair(broker: Broker, publish: (count: number) => Promise<void>) {
  const first = await startPuller(broker);
  await publish(1);
  await eventually(() => first.order.isHolder);
  return { first, second: await startPuller(broker) };
}

Deno.test("OrderConsumers receive the events by one process, and by another once that one stops", async () => {
  const { broker, publish } = await startOrder();
  await using _ = broker;
  const pullers = [await startPuller(broker), await startPuller(broker)];
  await publish(3);
  await eventually(() => pullers.some(({ sink }) => sink.held.length === 3));
  const [holder, other] = pullers[0].order.isHolder ? pullers : pullers.toReversed();
  assert.deepEqual([holder.sink.held.length, other.sink.held.length, other.order.isHolder], [3, 0, false]);
  await holder.source.stop();
  await publish(1);
  await eventually(() => other.sink.held.length === 1);
  assert.equal(other.order.isHolder, true);
});

Deno.test("OrderConsumers receive the events by another process once the one with the pin leaves them, also while one is unsettled", async () => {
  const { broker, publish } = await startOrder();
  await using _ = broker;
  const { first, second } = await startPair(broker, publish);
  first.leave();
  await publish(1);
  await eventually(() => second.sink.held.length > 0);
  assert.equal(second.order.isHolder, true);
});

Deno.test("OrderConsumers.look counts what is unsettled, also by another process, and tells which deliveries follow", async () => {
  const { broker, publish } = await startOrder();
  await using _ = broker;
  const { order, sink } = await startPuller(broker);
  await publish(2);
  await eventually(() => sink.held.length === 2);
  const facts = await order.look();
  assert.deepEqual(facts, { unsettled: { ORDERS: 2, RETRIES: 0 }, position: 2 });
  assert.equal(order.follows(facts!), true);
  assert.deepEqual([await order.owns(), await order.isLast()], [true, true]);
});

Deno.test("OrderConsumers notice that another process has the pin, and that this one has it no longer", async () => {
  const { broker, publish } = await startOrder();
  await using _ = broker;
  const { first, second } = await startPair(broker, publish);
  await broker.jsm.consumers.unpin("ORDERS", "ship", "order");
  await eventually(async () => {
    await publish(1);
    return second.order.isHolder;
  });
  assert.equal(await first.order.look(), undefined);
  assert.deepEqual([first.order.isHolder, await first.order.owns(), await first.order.isLast()], [false, false, false]);
  assert.ok(first.resets.length >= 2);
});

Deno.test("OrderConsumers.look of a process without the events gives back what it got from RETRIES, and pulls no more there", async () => {
  const resets: boolean[] = [];
  let nowMs = 0;
  const facts = { unsettled: 1, position: 1, pinId: "of another process", pending: 0 };
  const requests = { ask: () => Promise.resolve(facts), unpin: () => {} };
  const order = new OrderConsumers("ORDERS", "RETRIES", { ...systemClock, now: () => nowMs }, requests);
  order.connect({ reset: (keepsRunning) => void resets.push(keepsRunning), room: () => 10, leavesEvents: false });
  const retries = order.pinOf("RETRIES").around(new HoldingSink(10));
  assert.equal(retries.credits(), 1);
  assert.equal(await order.look(), undefined);
  assert.deepEqual([resets, retries.credits()], [[true], 0]);
  nowMs = YIELD_MS;
  assert.equal(retries.credits(), 1);
});

Deno.test("OrderConsumers.owns after another process had the pin makes the next look begin anew, and then owns", async () => {
  const resets: boolean[] = [];
  const facts = { unsettled: 0, position: 3, pinId: undefined, pending: 0 };
  const requests = { ask: () => Promise.resolve({ ...facts }), unpin: () => {} };
  const order = new OrderConsumers("ORDERS", "RETRIES", systemClock, requests);
  order.connect({ reset: (keepsRunning) => void resets.push(keepsRunning), room: () => 10, leavesEvents: false });
  assert.ok(order.follows((await order.look())!));
  assert.ok(await order.owns());
  facts.position = 7;
  assert.ok(!await order.owns());
  assert.deepEqual(resets, [true]);
  assert.ok(order.follows((await order.look())!));
  assert.ok(await order.owns());
});
