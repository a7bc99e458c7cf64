import assert from "node:assert/strict";
import { AckPolicy, DeliverPolicy, RetentionPolicy } from "@nats-io/jetstream";
import { StartupProblems } from "../../../runtime/project/startup_problems.ts";
import { eventually } from "../../support/eventually.ts";
import {
  DESIRED,
  everything,
  ORDERS,
  type Planning,
  SHIP,
  SHIP_RETRIES,
  startPlanning,
} from "../../support/planning.ts";

/** Stores six events, and creates the consumer `ship` with the ack policy `all`, as another tool might. */
async function setupAckAll(retention: RetentionPolicy = RetentionPolicy.Limits): Promise<Planning> {
  const broker = await startPlanning();
  await broker.jsm.streams.add({ ...ORDERS, subjects: [...ORDERS.subjects], retention });
  await broker.ensure({ ...DESIRED, durables: [SHIP_RETRIES] });
  await broker.jsm.consumers.add("ORDERS", {
    durable_name: "ship",
    ack_policy: AckPolicy.All,
    filter_subjects: [...SHIP.filters],
  });
  await broker.store("orders.paid", 6);
  return broker;
}

const ACK_ALL = "ack_policy is all and should be explicit: JetStream cannot change it in place";

Deno.test("planCluster blocks a consumer that JetStream cannot change in place, with the setting and what to do", async () => {
  await using broker = await setupAckAll();
  const before = await everything(broker.jsm);
  assert.deepEqual(await broker.plan(), [{
    what: "consumer",
    name: "ship",
    stream: "ORDERS",
    kind: "blocked",
    problems: [
      `${ACK_ALL}; stop the function, note the consumer's ack floor (nats consumer info ORDERS ship), delete it (nats ` +
      "consumer rm ORDERS ship) and start again: a new one begins with the oldest stored event, so stored events that " +
      "were handled are handled again, unless you make it yourself before the start, with the sequence after the ack " +
      "floor: nats consumer add ORDERS ship --pull --ack explicit --deliver SEQUENCE",
    ],
  }]);
  await assert.rejects(broker.ensure(), StartupProblems);
  assert.deepEqual(await everything(broker.jsm), before);
});

Deno.test("ensureTopology starts a consumer that was deleted as the plan says at the oldest stored event", async () => {
  await using broker = await setupAckAll();
  await broker.take("ORDERS", "ship", 2, 2);
  await broker.jsm.consumers.delete("ORDERS", "ship");
  await broker.ensure();
  assert.deepEqual(await broker.plan(), []);
  assert.deepEqual(await broker.take("ORDERS", "ship", 6, 6), [1, 2, 3, 4, 5, 6]);
});

Deno.test("ensureTopology accepts a consumer that was re-created after the old ack floor, as the plan says", async () => {
  await using broker = await setupAckAll();
  await broker.take("ORDERS", "ship", 2, 2);
  const { ack_floor } = await broker.jsm.consumers.info("ORDERS", "ship");
  await broker.jsm.consumers.delete("ORDERS", "ship");
  await broker.jsm.consumers.add("ORDERS", { // as the nats CLI does it
    durable_name: "ship",
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: ack_floor.stream_seq + 1,
  });
  await broker.ensure();
  assert.deepEqual(await broker.plan(), []);
  assert.deepEqual(await broker.take("ORDERS", "ship", 4, 4), [3, 4, 5, 6]);
});

Deno.test("planCluster says to drain a consumer first on a stream of interest retention", async () => {
  await using broker = await setupAckAll(RetentionPolicy.Interest);
  const [step] = await broker.plan();
  const problem = "problems" in step ? step.problems.join() : "";
  assert.ok(problem.startsWith(`${ACK_ALL}; let the consumer drain (a stream of interest retention drops `), problem);
  await broker.jsm.consumers.delete("ORDERS", "ship");
  await eventually(async () => (await broker.jsm.streams.info("ORDERS")).state.messages === 0);
});

Deno.test("planCluster says that replacing a consumer on a work queue repeats nothing", async () => {
  await using broker = await startPlanning();
  await broker.ensure({ ...DESIRED, durables: [SHIP] });
  await broker.jsm.consumers.add("RETRIES", {
    durable_name: "ship",
    ack_policy: AckPolicy.Explicit,
    deliver_subject: "push.ship",
  });
  const [step] = await broker.plan();
  assert.deepEqual("problems" in step && step.problems, [
    "deliver_subject is push.ship and should be none (a pull consumer): JetStream cannot change it in place; " +
    "stop the function, delete it (nats consumer rm RETRIES ship) and start again: a new one begins with the oldest " +
    "stored event, and a work queue stores none that was handled",
  ]);
});
