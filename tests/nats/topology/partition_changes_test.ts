import assert from "node:assert/strict";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { durablesOf } from "../../../runtime/nats/consume/resources.ts";
import { partitionResources } from "../../../runtime/nats/partitions/resources.ts";
import { applyPlan } from "../../../runtime/nats/topology/apply_plan.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { LateDedup } from "../../../runtime/nats/publish/late_dedup.ts";
import { ensureTopology } from "../../../runtime/nats/topology/ensure_topology.ts";
import { allConsumers } from "../../../runtime/nats/topology/function_consumers.ts";
import { partitionProblem } from "../../../runtime/nats/topology/partition_changes.ts";
import { pauseConsumers, pausesOf } from "../../../runtime/nats/topology/pause.ts";
import { readTopology } from "../../../runtime/nats/topology/plan.ts";
import type { ResolvedFunction } from "../../../runtime/project/resolve_function.ts";
import { registryOf } from "../../../runtime/testing/test_registry.ts";
import { defineFunction } from "weir";
import { desired } from "../../support/desired.ts";
import { ORDERS, startPlanning } from "../../support/planning.ts";

/** The desired state of `ship` with this number of partitions; 0 for none. */
function withPartitions(partitions: number) {
  const order = { by: () => "key", ...(partitions > 0 && { partitions }) };
  const functions: readonly ResolvedFunction[] =
    registryOf({ ship: defineFunction({ on: "orders.paid", order }, () => {}) }).functions;
  const { streams = [] } = partitionResources(functions, NO_NAMESPACE);
  return desired([ORDERS, ...streams], durablesOf(functions));
}

const CASES: readonly (readonly [
  title: string,
  from: number,
  to: number,
  waiting: number,
  isPulled: boolean,
  RegExp | undefined,
])[] = [
  ["lets a function begin to have some that nothing pulls", 0, 4, 0, false, undefined],
  [
    "refuses that while a process pulls",
    0,
    4,
    0,
    true,
    /has no partitions, and 4 partitions are declared: a process pulls .* stop all processes of the release before, and start/,
  ],
  ["lets an empty function change them", 4, 8, 0, false, undefined],
  [
    "refuses another number while events wait",
    4,
    8,
    2,
    false,
    /has 4 partitions, and 8 partitions are declared: 2 events wait in them.* run the release with 4 partitions and publish nothing until .* then stop all its processes.*from: "new"/,
  ],
  [
    "refuses to remove them while an event waits",
    4,
    0,
    1,
    true,
    /and no partitions are declared: 1 event waits in them/,
  ],
];
for (const [title, from, to, waiting, isPulled, problem] of CASES) {
  Deno.test(`partitionProblem ${title}`, () => {
    const found = partitionProblem("ship", { from, to, waiting, isPulled });
    if (problem) assert.match(found!, problem);
    else assert.equal(found, undefined);
  });
}

Deno.test("ensureTopology creates the consumers of partitions, and changes their number only while they are empty and nothing pulls", async () => {
  await using broker = await startPlanning();
  const consumers = async () =>
    (await allConsumers(broker.jsm, "ship", NO_NAMESPACE)).map((one) => `${one.stream_name} ${one.name}`);
  await broker.ensure(withPartitions(2));
  assert.deepEqual(await consumers(), [
    "RETRIES ship",
    "ORDERS ship",
    "ORDER_PARTITIONS ship@0",
    "RETRIES ship@0",
    "ORDER_PARTITIONS ship@1",
    "RETRIES ship@1",
  ]);
  assert.deepEqual(await broker.plan(withPartitions(2)), []);
  await broker.store("order_partitions.ship.2.1");
  for (const other of [0, 3]) {
    const [step, ...others] = (await broker.plan(withPartitions(other))).filter(({ kind }) => kind === "blocked");
    assert.deepEqual([step.what, step.name, others], ["consumer", "ship", []]);
    await assert.rejects(broker.ensure(withPartitions(other)), /has 2 partitions, .*: 1 event waits in them/);
  }
  await broker.jsm.streams.purge("ORDER_PARTITIONS");
  await broker.ensure(withPartitions(3));
  assert.equal((await consumers()).length, 8);
  await broker.ensure(withPartitions(0));
  assert.deepEqual(await consumers(), ["RETRIES ship", "ORDERS ship"]);
});

Deno.test("partitionProblem names the partitions that a release leaves out, and the number of them that must run", () => {
  const change = { from: 4, to: 2, waiting: 3, isPulled: false, stranded: [2, 3] };
  assert.match(
    partitionProblem("ship", change)!,
    /^3 events wait in partitions 2 and 3 of ship: only a process with `partitions: 4` receives them, and this release has 2\..* start one/,
  );
  assert.match(partitionProblem("ship", { ...change, waiting: 1, stranded: [3] })!, /^1 event waits in partition 3 of/);
});

Deno.test("ensureTopology while events wait in partitions that only one of two releases has refuses the other, whichever wrote its number last", async () => {
  await using broker = await startPlanning();
  const { consumers, streams } = broker.jsm;
  await broker.ensure(withPartitions(4));
  for (const recorded of ["4", "2"]) {
    for (const stream of ["ORDERS", "RETRIES"]) {
      await consumers.update(stream, "ship", { metadata: { "weir-partitions": recorded } });
    }
    await broker.store("order_partitions.ship.4.1"); // the other release has this partition too
    await broker.store("order_partitions.ship.4.3");
    await assert.rejects(
      broker.ensure(withPartitions(2)),
      /1 event waits in partition 3 of ship: only .*`partitions: 4`/,
    );
    await broker.ensure(withPartitions(4));
    assert.equal((await consumers.info("RETRIES", "ship")).config.metadata?.["weir-partitions"], "4");
    await streams.purge("ORDER_PARTITIONS");
  }
  await broker.ensure(withPartitions(2));
  assert.equal((await consumers.info("RETRIES", "ship")).config.metadata?.["weir-partitions"], "2");
});

Deno.test("ensureTopology goes on with the number of partitions in which all events wait, once no process of another one pulls", async () => {
  await using broker = await startPlanning();
  await broker.ensure(withPartitions(2));
  await broker.store("order_partitions.ship.2.1");
  for (const stream of ["ORDERS", "RETRIES"]) {
    await broker.jsm.consumers.update(stream, "ship", { metadata: { "weir-partitions": "4" } });
  }
  await broker.ensure(withPartitions(2));
  assert.equal((await broker.jsm.consumers.info("RETRIES", "ship")).config.metadata?.["weir-partitions"], "2");
});

Deno.test("applyPlan prunes no former partition while an event waits in it", async () => {
  await using broker = await startPlanning();
  await broker.ensure(withPartitions(2));
  await broker.ensure(withPartitions(0));
  await broker.store("order_partitions.ship.2.1");
  const { nc, jsm } = broker, publisher = new JetStreamPublisher(nc, systemClock);
  broker.defer(() => publisher.close());
  const cluster = { nc, jsm, messages: publisher, duplicates: new LateDedup(nc, jsm, systemClock) };
  const prune = async () => {
    const applied = await applyPlan(cluster, withPartitions(0), ["ship"], { prune: true });
    return applied.filter(({ step }) => step.kind === "orphan");
  };
  assert.match((await prune())[0].problem!, /not deleted, since 1 events? waits? in these partitions/);
  await broker.jsm.streams.purge("ORDER_PARTITIONS");
  assert.deepEqual((await prune()).map(({ problem }) => problem), [undefined, undefined, undefined, undefined]);
});

Deno.test("planCluster shows the consumers of former partitions as unused, and none of a function that this process does not run", async () => {
  await using broker = await startPlanning();
  await broker.ensure(withPartitions(2));
  await broker.ensure(withPartitions(0));
  const unused = (await broker.plan(withPartitions(0))).filter(({ kind }) => kind === "orphan");
  assert.deepEqual(unused.map(({ name }) => name).sort(), ["ship@0", "ship@0", "ship@1", "ship@1"]);
  const elsewhere = await broker.plan(desired([ORDERS], []), ["ship"]);
  assert.deepEqual(elsewhere.filter(({ kind }) => kind === "orphan"), []);
  assert.deepEqual((await broker.plan(desired([ORDERS], []), [])).filter(({ kind }) => kind === "orphan").length, 6);
});

Deno.test("ensureTopology takes no former number from a partition's consumer while an event waits for it", async () => {
  await using broker = await startPlanning();
  const { consumers, streams } = broker.jsm;
  await broker.ensure(withPartitions(2));
  await broker.store("order_partitions.ship.2.1");
  for (const stream of ["ORDERS", "RETRIES"]) { // as if two releases had started at the same moment
    await consumers.update(stream, "ship", { metadata: { "weir-partitions": "3" } });
  }
  const filters = async () => {
    const { config } = await consumers.info("ORDER_PARTITIONS", "ship@1");
    return config.filter_subjects ?? [config.filter_subject];
  };
  await broker.ensure(withPartitions(3));
  assert.deepEqual(await filters(), ["order_partitions.ship.2.1", "order_partitions.ship.3.1"]);
  await streams.purge("ORDER_PARTITIONS");
  await broker.ensure(withPartitions(3));
  assert.deepEqual(await filters(), ["order_partitions.ship.3.1"]);
});

Deno.test("planCluster does not say that events of a trigger are lost until apply takes the former number from a partition's consumer", async () => {
  await using broker = await startPlanning();
  await broker.ensure(withPartitions(2));
  await ensureTopology(broker.jsm, withPartitions(3), { scope: "start" });
  const steps = await broker.plan(withPartitions(3));
  assert.deepEqual(steps.map(({ name, kind }) => `${kind} ${name}`).sort(), [
    "update ship@0",
    "update ship@0",
    "update ship@1",
    "update ship@1",
  ]);
  assert.deepEqual(steps.filter((step) => step.kind === "update" && step.narrows), []);
});

Deno.test("pauseConsumers pauses the partitions of a function, and a partition that is added to it", async () => {
  await using broker = await startPlanning();
  await broker.ensure(withPartitions(2));
  await pauseConsumers(broker.jsm, await allConsumers(broker.jsm, "ship", NO_NAMESPACE));
  await broker.ensure(withPartitions(3));
  const pauses = pausesOf(await readTopology(broker.jsm, withPartitions(3)));
  assert.match(pauses.get("ship")!, /^paused until it is resumed/);
});
