import assert from "node:assert/strict";
import { AckPolicy } from "@nats-io/jetstream";
import { eventually } from "../../support/eventually.ts";
import { type Planning, SHIP, SHIP_RETRIES, startPlanning, WANTED } from "../../support/planning.ts";

/** A cluster on which `bill` ran once, and `ship` runs. */
async function setup(): Promise<Planning> {
  const broker = await startPlanning();
  const bill = [SHIP, SHIP_RETRIES].map(({ stream, filters }) => ({
    functionName: "bill",
    stream,
    filters: filters.map((filter) => filter.replace("ship", "bill")),
  }));
  await broker.ensure({ ...WANTED, durables: [...WANTED.durables, ...bill] });
  return broker;
}

Deno.test("a consumer of a function that the project has no more is an orphan, with what waits on it", async () => {
  await using broker = await setup();
  await broker.store("orders.paid", 5);
  await broker.take("ORDERS", "bill", 2, 1);
  await broker.store("retries.delayed.bill.ORDERS:1");
  const backlog = { pending: 3, unsettled: 1, delayedRetries: 0 };
  const target = { what: "consumer", name: "bill", kind: "orphan" };
  // What it was handed a moment ago somebody may still hold.
  assert.deepEqual(await broker.plan(), [
    { ...target, stream: "ORDERS", backlog, inUse: true },
    { ...target, stream: "RETRIES", backlog: { pending: 0, unsettled: 0, delayedRetries: 1 }, inUse: true },
  ]);
});

Deno.test("an orphan that nobody pulls on is not in use; one that somebody pulls on anywhere is", async () => {
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

Deno.test("a consumer on a stream where its function has no trigger any more is told of as moved", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.paid", 2);
  const sales = { name: "SALES", subjects: ["sales.>"] };
  const wanted = {
    ...WANTED,
    streams: [...WANTED.streams, sales],
    durables: [{ functionName: "ship", stream: "SALES", filters: ["sales.made"] }, SHIP_RETRIES],
  };
  await broker.ensure(wanted);
  assert.deepEqual(await broker.plan(wanted), [{
    what: "consumer",
    name: "ship",
    stream: "ORDERS",
    kind: "moved",
    backlog: { pending: 2, unsettled: 0, delayedRetries: 0 },
    inUse: false,
  }]);
});

Deno.test("functions of the project that are not run here are no orphans", async () => {
  await using broker = await setup();
  assert.deepEqual(await broker.plan(WANTED, ["ship", "bill"]), []);
});

Deno.test("what bears no sign of Weir is somebody else's, on the project's own streams too", async () => {
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
