import assert from "node:assert/strict";
import { AckPolicy } from "@nats-io/jetstream";
import { eventually } from "../../support/eventually.ts";
import {
  DESIRED,
  desiredWith,
  ORDERS,
  type Planning,
  SHIP,
  SHIP_RETRIES,
  startPlanning,
} from "../../support/planning.ts";

/** Starts a cluster with the consumers of `ship` and of a former function `bill`. */
async function setup(): Promise<Planning> {
  const broker = await startPlanning();
  const bill = [SHIP, SHIP_RETRIES].map(({ stream, filters }) => ({
    functionName: "bill",
    consumer: "bill",
    stream,
    filters: filters.map((filter) => filter.replace("ship", "bill")),
  }));
  await broker.ensure({ ...DESIRED, durables: [...DESIRED.durables, ...bill] });
  return broker;
}

/** Waits until a consumer on ORDERS counts its pending events: the server does so a little after it stored them. */
async function pending(broker: Planning, consumer: string, count: number): Promise<void> {
  await eventually(async () => (await broker.jsm.consumers.info("ORDERS", consumer)).num_pending === count);
}

Deno.test("planUndeclared reports the consumers of a removed function as orphans, with their backlog", async () => {
  await using broker = await setup();
  await broker.store("orders.paid", 5);
  await broker.take("ORDERS", "bill", 2, 1);
  await broker.store("retries.delayed.bill.ORDERS:1");
  await pending(broker, "bill", 3);
  const backlog = { pending: 3, unsettled: 1, delayedRetries: 0 };
  const target = { what: "consumer", name: "bill", kind: "orphan" };
  // In use: a process may still hold the delivery that was not acked.
  assert.deepEqual(await broker.plan(), [
    { ...target, stream: "ORDERS", filters: ["orders.paid"], backlog, inUse: true },
    {
      ...target,
      stream: "RETRIES",
      filters: ["retries.due.bill.>", "retries.redriven.bill.>"],
      backlog: { pending: 0, unsettled: 0, delayedRetries: 1 },
      inUse: true,
    },
  ]);
});

Deno.test("planUndeclared reports an orphan as in use while a process pulls from any consumer of its function", async () => {
  await using broker = await setup();
  const inUse = async () => (await broker.plan()).map((step) => "inUse" in step && step.inUse);
  assert.deepEqual(await inUse(), [false, false]);
  const pulling = broker.take("RETRIES", "bill", 1, 1);
  await eventually(async () => (await broker.jsm.consumers.info("RETRIES", "bill")).num_waiting === 1);
  assert.deepEqual(await inUse(), [true, true]);
  await broker.store("retries.due.bill.orders.paid");
  await pulling;
  assert.deepEqual(await inUse(), [false, false]);
});

Deno.test("planUndeclared reports a consumer as moved when its function has no trigger on the stream any more", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.paid", 2);
  await pending(broker, "ship", 2);
  const sales = { name: "SALES", subjects: ["sales.>"] };
  const onSales = { functionName: "ship", consumer: "ship", stream: "SALES", filters: ["sales.made"] };
  const moved = desiredWith([ORDERS, sales], [onSales, SHIP_RETRIES]);
  await broker.ensure(moved);
  assert.deepEqual(await broker.plan(moved), [{
    what: "consumer",
    name: "ship",
    stream: "ORDERS",
    kind: "moved",
    filters: ["orders.paid"],
    backlog: { pending: 2, unsettled: 0, delayedRetries: 0 },
    inUse: false,
  }]);
});

Deno.test("planUndeclared reports no orphans for functions of the project that other processes run", async () => {
  await using broker = await setup();
  assert.deepEqual(await broker.plan(DESIRED, ["ship", "bill"]), []);
});

Deno.test("planUndeclared reports streams and consumers without a mark of Weir as foreign, also on the project's streams", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.jsm.consumers.add("ORDERS", { durable_name: "bill", ack_policy: AckPolicy.Explicit });
  await broker.jsm.streams.add({ name: "LOGS", subjects: ["logs.>"] });
  await broker.jsm.consumers.add("LOGS", { durable_name: "ship", ack_policy: AckPolicy.None, deliver_subject: "x" });
  assert.deepEqual(await broker.plan(), [
    { what: "consumer", name: "bill", stream: "ORDERS", kind: "foreign" },
    { what: "stream", name: "LOGS", kind: "foreign" },
  ]);
});
