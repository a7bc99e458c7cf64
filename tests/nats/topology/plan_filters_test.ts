import assert from "node:assert/strict";
import type { SkippedEvents, Step } from "../../../runtime/nats/topology/step.ts";
import { eventually } from "../../support/eventually.ts";
import { type Planning, SHIP, SHIP_RETRIES, startPlanning, WANTED } from "../../support/planning.ts";

/** The function with other triggers. */
function on(...filters: string[]) {
  return { ...WANTED, durables: [{ ...SHIP, filters }, SHIP_RETRIES] };
}

function leftOut(steps: Step[]): readonly SkippedEvents[] {
  assert.equal(steps.length, 1);
  return "leftOut" in steps[0] ? steps[0].leftOut : [];
}

/** The consumer delivers these and no more, once it has counted all that is stored. Each is acked. */
async function drains(broker: Planning, sequences: number[]): Promise<void> {
  const { length: count } = sequences;
  await eventually(async () => {
    const { num_pending, num_ack_pending } = await broker.jsm.consumers.info("ORDERS", "ship");
    return num_pending + num_ack_pending === count;
  });
  if (count > 0) assert.deepEqual((await broker.take("ORDERS", "ship", count, count)).sort((a, b) => a - b), sequences);
}

Deno.test("of a trigger that is added, what is behind the consumer is told of, and what is before it is handled", async () => {
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
  await drains(broker, [5, 6, 7, 8]);
});

Deno.test("a consumer that has nothing left to hand out has looked at all there is: what is added is behind it", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.paid", 1);
  await drains(broker, [1]);
  const waiting = broker.take("ORDERS", "ship", 1, 1);
  await eventually(async () => (await broker.jsm.consumers.info("ORDERS", "ship")).num_waiting === 1);
  await broker.store("orders.lost", 3); // 2 to 4: it passes them while it looks for its own
  await broker.store("orders.paid", 1); // 5
  assert.deepEqual(await waiting, [5]);
  await broker.store("orders.lost", 1); // 6: not looked at yet, but by the time it is asked it may be
  assert.deepEqual(leftOut(await broker.plan(on("orders.paid", "orders.lost"))), [
    { why: "older", subject: "orders.lost", events: 4 },
  ]);
});

Deno.test("of a trigger that is removed, what waits is told of, and what was handed out is delivered again", async () => {
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

Deno.test("a wider filter in place of a narrow one loses nothing of what the narrow one had", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.lost", 2);
  await broker.store("orders.paid", 2);
  assert.deepEqual(await broker.take("ORDERS", "ship", 1, 1), [3]);
  assert.deepEqual(leftOut(await broker.plan(on("orders.*"))), [{ why: "older", subject: "orders.*", events: 2 }]);
  await broker.ensure(on("orders.*"));
  await drains(broker, [4]);
});

Deno.test("changed while events are handed out, settled and stored, the filters lose and repeat none of what they share", async () => {
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
