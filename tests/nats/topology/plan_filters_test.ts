import assert from "node:assert/strict";
import { applyPlan } from "../../../runtime/nats/topology/apply_plan.ts";
import type { SkippedEvents, Step } from "../../../runtime/nats/topology/step.ts";
import { eventually } from "../../support/eventually.ts";
import { DESIRED, type Planning, SHIP, SHIP_RETRIES, startPlanning } from "../../support/planning.ts";

/** Returns the desired state of `ship` with other triggers. */
function on(...filters: string[]) {
  return { ...DESIRED, durables: [{ ...SHIP, filters }, SHIP_RETRIES] };
}

function leftOut(steps: Step[]): readonly SkippedEvents[] {
  assert.equal(steps.length, 1);
  return "leftOut" in steps[0] ? steps[0].leftOut : [];
}

/** Fetches and acks everything that the consumer has, once there are `atLeast` messages. Resolves to the sequences. */
async function drain(broker: Planning, atLeast: number): Promise<number[]> {
  // The server counts a message as pending a little after it acknowledged that it stored it.
  const count = await eventually(async () => {
    const { num_pending, num_ack_pending } = await broker.jsm.consumers.info("ORDERS", "ship");
    return num_pending + num_ack_pending >= atLeast ? num_pending + num_ack_pending : undefined;
  });
  return (await broker.take("ORDERS", "ship", count, count)).sort((a, b) => a - b);
}

Deno.test("planCluster counts the events of an added trigger behind the consumer; the later ones are delivered", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.lost", 3); // 1 to 3
  await broker.store("orders.paid", 2); // 4, 5
  assert.deepEqual(await broker.take("ORDERS", "ship", 1, 1), [4]);
  await broker.store("orders.lost", 2); // 6, 7
  assert.deepEqual(leftOut(await broker.plan(on("orders.paid", "orders.lost"))), [
    { why: "older", subject: "orders.lost", events: 3 },
  ]);
  await broker.ensure(on("orders.paid", "orders.lost"));
  await broker.store("orders.lost", 1); // 8
  assert.deepEqual(await drain(broker, 4), [5, 6, 7, 8]);
});

Deno.test("planCluster counts all events of an added trigger as older when the consumer has none pending", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.paid", 1);
  assert.deepEqual(await drain(broker, 1), [1]);
  const waiting = broker.take("ORDERS", "ship", 1, 1);
  await eventually(async () => (await broker.jsm.consumers.info("ORDERS", "ship")).num_waiting === 1);
  await broker.store("orders.lost", 3); // 2 to 4: passed on the way to the next match
  await broker.store("orders.paid", 1); // 5
  assert.deepEqual(await waiting, [5]);
  await broker.store("orders.lost", 1); // 6: not passed yet, but possibly by the time of the update
  assert.deepEqual(leftOut(await broker.plan(on("orders.paid", "orders.lost"))), [
    { why: "older", subject: "orders.lost", events: 4 },
  ]);
});

Deno.test("planCluster counts the pending events of a removed trigger; unsettled deliveries are redelivered", async () => {
  await using broker = await startPlanning();
  await broker.ensure(on("orders.paid", "orders.lost"));
  await broker.store("orders.paid", 1); // 1
  await broker.store("orders.lost", 4); // 2 to 5
  assert.deepEqual(await broker.take("ORDERS", "ship", 2, 1), [1, 2]);
  assert.deepEqual(leftOut(await broker.plan()), [{ why: "removed", subject: "orders.lost", events: 3 }]);
  await broker.jsm.consumers.update("ORDERS", "ship", { ack_wait: 1_000 * 1e6 });
  await broker.jsm.consumers.update("ORDERS", "ship", { filter_subjects: ["orders.paid"] });
  await broker.store("orders.paid", 1); // 6
  assert.deepEqual((await broker.take("ORDERS", "ship", 2, 2)).sort(), [2, 6]);
});

Deno.test("planCluster marks the changes that only apply makes", async () => {
  await using broker = await startPlanning();
  await broker.ensure(on("orders.paid", "orders.lost"));
  const narrows = async (...filters: string[]) =>
    (await broker.plan(on(...filters))).map((step) => step.kind === "update" && step.narrows);
  assert.deepEqual(await narrows("orders.paid"), [true]);
  assert.deepEqual(await narrows("orders.paid", "orders.new"), [true]);
  assert.deepEqual(await narrows("orders.paid", "orders.lost", "orders.new"), [undefined]);
  assert.deepEqual(await narrows("orders.*"), [undefined]);
});

Deno.test("applyPlan with the scope of a start, as `apply --widen`, adds triggers and removes none", async () => {
  await using broker = await startPlanning();
  await broker.ensure(on("orders.paid", "orders.lost"));
  const clients = broker as unknown as Parameters<typeof applyPlan>[0];
  const filters = async () => (await broker.jsm.consumers.info("ORDERS", "ship")).config.filter_subjects!.toSorted();
  await applyPlan(clients, on("orders.paid", "orders.new"), ["ship"], { scope: "start" });
  assert.deepEqual(await filters(), ["orders.lost", "orders.new", "orders.paid"]);
  await applyPlan(clients, on("orders.paid", "orders.new"), ["ship"]);
  assert.deepEqual(await filters(), ["orders.new", "orders.paid"]);
});

Deno.test("ensureTopology with a wider filter skips nothing that the narrow filter matched", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.lost", 2);
  await broker.store("orders.paid", 2);
  assert.deepEqual(await broker.take("ORDERS", "ship", 1, 1), [3]);
  assert.deepEqual(leftOut(await broker.plan(on("orders.*"))), [{ why: "older", subject: "orders.*", events: 2 }]);
  await broker.ensure(on("orders.*"));
  assert.deepEqual(await drain(broker, 1), [4]);
});

Deno.test("ensureTopology changes filters under load without skipping or repeating events that both match", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  const handled: number[] = [], stored: number[] = [];
  let storing = true;
  const consumer = await broker.jsm.jetstream().consumers.get("ORDERS", "ship");
  const messages = await consumer.consume({ max_messages: 20 });
  const handling = (async () => {
    for await (const message of messages) {
      if (message.subject === "orders.paid") handled.push(message.seq);
      message.ack();
    }
  })();
  const publishing = (async () => {
    for (let i = 0; storing; i++) {
      const { seq } = await broker.jsm.jetstream().publish(i % 2 ? "orders.paid" : "orders.lost", "{}");
      if (i % 2) stored.push(seq);
    }
  })();
  for (let round = 1; round <= 6; round++) {
    const enough = stored.length + 100;
    await eventually(() => stored.length > enough);
    await broker.ensure(round % 2 ? on("orders.paid", "orders.lost") : on("orders.paid"));
  }
  storing = false;
  await publishing;
  await eventually(() => handled.length >= stored.length);
  await messages.close();
  await handling;
  assert.deepEqual(handled.toSorted((a, b) => a - b), stored);
});
