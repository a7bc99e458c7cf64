import assert from "node:assert/strict";
import { Namespace } from "../../../runtime/core/namespace.ts";
import { applyTopology, ensureTopology, requireTopology } from "../../../runtime/nats/topology/ensure_topology.ts";
import { applyPlan } from "../../../runtime/nats/topology/apply_plan.ts";
import { LateDedup } from "../../../runtime/nats/publish/late_dedup.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { NatsKvStore } from "../../../runtime/nats/kv/nats_kv_store.ts";
import { isForeign, type Metadata, ownerProblem } from "../../../runtime/nats/topology/owner.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { StartupProblems } from "../../../runtime/project/startup_problems.ts";
import { DESIRED, everything, type Planning, SHIP, SHIP_RETRIES, startPlanning } from "../../support/planning.ts";

const SHOP = new Namespace(undefined, "shop"), BILLING = new Namespace(undefined, "billing");
const of = (project: string, namespace?: string): Metadata => ({
  "weir-project": project,
  ...(namespace !== undefined && { "weir-namespace": namespace }),
});

for (
  const [what, metadata, names, foreign] of [
    ["no metadata", undefined, SHOP, false],
    ["metadata of others alone", { team: "a", "_nats.level": "1" }, SHOP, false],
    ["its own mark", of("shop"), SHOP, false],
    ["another project's mark", of("billing"), SHOP, true],
    ["a mark, if the project has no name", of("shop"), new Namespace(), true],
    ["its mark in another namespace", of("shop", "staging"), SHOP, true],
    ["its mark without the namespace", of("shop"), new Namespace("staging", "shop"), true],
    ["its own mark in its namespace", of("shop", "staging"), new Namespace("staging", "shop"), false],
    ["another project's mark in its namespace", of("billing", "staging"), new Namespace("staging", "shop"), true],
    ["the mark of a time without a name", of("staging", "staging"), new Namespace("staging", "shop"), false],
  ] as const
) {
  Deno.test(`isForeign returns ${foreign} for ${what}`, () => assert.equal(isForeign(metadata, names), foreign));
}

Deno.test("ownerProblem names both projects, and what to do", () => {
  assert.equal(
    ownerProblem(of("billing"), SHOP),
    'it belongs to the project "billing", and this is the project "shop": set WEIR_NAMESPACE to a name of this one\'s ' +
      'own, and both share the account; if they are the same project, write "name": "billing" in deno.json, or take it ' +
      "over with `deno task apply --take-over`",
  );
  assert.match(ownerProblem(of("shop", "eu"), SHOP)!, /"name": "shop" in deno\.json and set WEIR_NAMESPACE=eu, or/);
});

/** Returns the metadata of every stream and consumer, without that of the server. */
async function marks({ jsm }: Planning): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  const own = (metadata: Metadata = {}) =>
    Object.fromEntries(Object.entries(metadata).filter(([name]) => !name.startsWith("_nats.")));
  for await (const { config } of jsm.streams.list()) {
    found[config.name] = own(config.metadata);
    for await (const consumer of jsm.consumers.list(config.name)) {
      found[`${config.name} ${consumer.name}`] = own(consumer.config.metadata);
    }
  }
  return found;
}

Deno.test("ensureTopology marks what it creates with the project, and adopts what an earlier release made", async () => {
  await using made = await startPlanning();
  await made.ensure({ ...DESIRED, names: SHOP });
  const marked = await marks(made), names = Object.keys(marked);
  assert.deepEqual(names, ["DEAD_LETTERS", "KV_weir_attempts", "ORDERS", "ORDERS ship", "RETRIES", "RETRIES ship"]);
  for (const name of names) assert.deepEqual(marked[name], of("shop"), name);

  await using earlier = await startPlanning();
  await earlier.ensure();
  await earlier.jsm.streams.update("ORDERS", { metadata: { team: "a" } });
  await earlier.store("orders.paid", 3);
  const [first] = await earlier.take("ORDERS", "ship", 2, 2);
  assert.equal(first, 1);
  const unchanged = await everything(earlier.jsm);
  await requireTopology(earlier.jsm, { ...DESIRED, names: SHOP }); // a start with --no-apply goes on without the mark
  await applyTopology(earlier.jsm, { ...DESIRED, names: SHOP }, { scope: "running", partly: true });
  assert.deepEqual(await everything(earlier.jsm), unchanged);
  const steps = await earlier.plan({ ...DESIRED, names: SHOP });
  assert.deepEqual(steps.map(({ kind, name }) => `${kind} ${name}`).sort(), [
    ...["update DEAD_LETTERS", "update ORDERS", "update RETRIES", "update ship", "update ship", "update weir_attempts"],
  ]);
  await ensureTopology(earlier.jsm, { ...DESIRED, names: SHOP }, { scope: "start" });
  assert.deepEqual(await marks(earlier), { ...marked, ORDERS: { team: "a", ...of("shop") } });
  assert.deepEqual(await earlier.plan({ ...DESIRED, names: SHOP }), []);
  assert.equal((await earlier.jsm.consumers.info("ORDERS", "ship")).num_pending, 1, "it goes on where it was");
  // The earlier release starts again, and changes what it declares: it keeps the mark.
  await earlier.jsm.streams.update("ORDERS", { max_age: 86_400 * 1e9 });
  await earlier.jsm.consumers.update("ORDERS", "ship", { filter_subjects: ["orders.paid", "orders.new"] });
  assert.deepEqual(await marks(earlier), { ...marked, ORDERS: { team: "a", ...of("shop") } });
});

Deno.test("ensureTopology keeps where a function began beside the mark of its project, whichever comes first", async () => {
  const durables = [{ ...SHIP, from: "new" as const }, { ...SHIP_RETRIES, remembers: ["ORDERS"] }];
  for (const [first, second] of [[undefined, SHOP], [SHOP, undefined]]) {
    await using planning = await startPlanning();
    await planning.ensure({ ...DESIRED, ...(first ? { names: first } : { durables }) });
    const state = { ...DESIRED, durables, names: second ?? SHOP };
    await ensureTopology(planning.jsm, state, { scope: "start" });
    const { metadata = {} } = (await planning.jsm.consumers.info("RETRIES", "ship")).config;
    assert.equal(metadata["weir-project"], "shop");
    assert.match(metadata["weir-begun"], /^ORDERS 1 /);
    assert.deepEqual(await planning.plan(state), []);
  }
});

Deno.test("ensureTopology refuses what another project made, and changes nothing", async () => {
  await using planning = await startPlanning();
  await planning.ensure({ ...DESIRED, names: SHOP });
  const before = await everything(planning.jsm);
  const { streams: [orders, ...others] } = DESIRED;
  const wanted = { ...DESIRED, streams: [{ ...orders, maxAgeMs: 60_000 }, ...others], names: BILLING };
  await assert.rejects(planning.ensure(wanted), (error: StartupProblems) => {
    const named = error.problems.map((problem) => /^(\w+ \w+): it belongs to the project "shop"/.exec(problem)?.[1]);
    assert.deepEqual(named, ["stream ORDERS", "stream DEAD_LETTERS", "stream RETRIES", "bucket weir_attempts"]);
    return true;
  });
  for (const scope of ["start", "running"] as const) {
    const refused = await applyTopology(planning.jsm, wanted, { scope, partly: true });
    assert.equal(refused.length, 4);
  }
  await assert.rejects(requireTopology(planning.jsm, wanted), StartupProblems);
  assert.deepEqual(await everything(planning.jsm), before);
});

Deno.test("applyPlan takes over what another project made, with the option to do so", async () => {
  await using planning = await startPlanning();
  const { nc, jsm } = planning, messages = new JetStreamPublisher(nc, systemClock);
  await planning.ensure({ ...DESIRED, names: SHOP });
  const cluster = { nc, jsm, messages, duplicates: new LateDedup(nc, jsm, systemClock) };
  const applied = await applyPlan(cluster, { ...DESIRED, names: BILLING, takeOver: true }, ["ship"]);
  assert.deepEqual(applied.filter(({ problem }) => problem), []);
  for (const { step } of applied) {
    assert.deepEqual(step.kind === "update" && step.changes.map(({ from, to }) => [from, to]), [
      [of("shop"), of("billing")],
    ]);
  }
  assert.deepEqual(new Set(Object.values(await marks(planning)).map((mark) => JSON.stringify(mark))).size, 1);
  assert.deepEqual(await planning.plan({ ...DESIRED, names: BILLING }), []);
  messages.close();
});

Deno.test("applyPlan takes nothing over for a project without a name, and does not advise it", async () => {
  await using planning = await startPlanning();
  await planning.ensure({ ...DESIRED, names: SHOP });
  const before = await marks(planning), wanted = { ...DESIRED, names: new Namespace(), takeOver: true };
  await assert.rejects(planning.ensure(wanted), (error: StartupProblems) => {
    assert.match(error.problems[0], /this is a project without a name: .*write "name": "shop" in deno\.json$/);
    return true;
  });
  assert.deepEqual(await marks(planning), before);
});

Deno.test("applyPlan prunes a consumer without a mark only by its name, and never another project's", async () => {
  await using planning = await startPlanning();
  const { nc, jsm } = planning, messages = new JetStreamPublisher(nc, systemClock);
  const cluster = { nc, jsm, messages, duplicates: new LateDedup(nc, jsm, systemClock) };
  await planning.ensure({ ...DESIRED, names: SHOP });
  const retries = (functionName: string, names: Namespace) => {
    const durable = {
      functionName,
      consumer: functionName,
      stream: "RETRIES",
      filters: [`retries.due.${functionName}.>`],
    };
    return applyTopology(jsm, { streams: [], foreign: [], buckets: [], durables: [durable], names }, {});
  };
  await retries("former", SHOP);
  await retries("unmarked", new Namespace());
  await retries("theirs", BILLING);
  const wanted = { ...DESIRED, names: SHOP };
  const orphans = (await planning.plan(wanted)).filter(({ kind }) => kind === "orphan");
  assert.deepEqual(orphans.map((step) => [step.name, "unmarked" in step]), [["former", false], ["unmarked", true]]);
  const left = async () => (await Array.fromAsync(jsm.consumers.list("RETRIES"))).map(({ name }) => name).sort();
  await applyPlan(cluster, wanted, ["ship"], { prune: true });
  assert.deepEqual(await left(), ["ship", "theirs", "unmarked"]);
  await assert.rejects(
    applyPlan(cluster, wanted, ["ship"], { prune: ["theirs"] }),
    /no unused consumer has the name "theirs"/,
  );
  await applyPlan(cluster, wanted, ["ship"], { prune: ["unmarked"] });
  assert.deepEqual(await left(), ["ship", "theirs"]);
  messages.close();
});

Deno.test("NatsKvStore marks a bucket that it creates, uses one without a mark, and refuses another project's", async () => {
  await using planning = await startPlanning();
  const store = (names: Namespace, replicas: number | undefined = 1) => new NatsKvStore(planning.nc, replicas, names);
  await store(SHOP).bucket("stock").put("a", 1);
  assert.deepEqual((await marks(planning)).KV_stock, of("shop"));
  assert.equal((await store(SHOP).bucket("stock").get("a"))?.value, 1);
  for (const replicas of [1, undefined]) {
    const other = store(BILLING, replicas).bucket("stock");
    await assert.rejects(other.get("a"), /kv bucket "stock", key "a": .*it belongs to the project "shop"/);
  }
  await store(new Namespace()).bucket("shared").put("a", 1);
  await store(BILLING).bucket("shared").put("a", 2);
  assert.deepEqual((await marks(planning)).KV_shared, {});
  await store(new Namespace("eu", "shop")).bucket("stock").put("a", 3);
  assert.deepEqual((await marks(planning)).KV_eu_stock, of("shop", "eu"));
  assert.equal((await store(SHOP).bucket("stock").get("a"))?.value, 1);
});
