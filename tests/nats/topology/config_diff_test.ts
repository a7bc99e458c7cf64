import assert from "node:assert/strict";
import { AckPolicy, StorageType } from "@nats-io/jetstream";
import { StartupProblems } from "../../../runtime/project/startup_problems.ts";
import type { ResolvedStream } from "../../../runtime/project/resolve_streams.ts";
import { ensureTopology } from "../../../runtime/nats/topology/ensure_topology.ts";
import type { Durable } from "../../../runtime/nats/topology/resources.ts";
import type { Scope } from "../../../runtime/nats/topology/step.ts";
import { type Broker, startBroker } from "../../support/nats.ts";
import { desired } from "../../support/desired.ts";

const SECOND = 1_000 * 1e6;
const ORDERS: ResolvedStream = { name: "ORDERS", subjects: ["orders.>"] };
const RESERVE: Durable = {
  functionName: "reserveInventory",
  consumer: "reserveInventory",
  stream: "ORDERS",
  filters: ["orders.created"],
};

interface Topology extends Broker {
  ensure(streams: ResolvedStream[], durables: Durable[]): Promise<unknown>;
  /** Returns the problems with which `ensure` rejects. */
  refusal(streams: ResolvedStream[], durables: Durable[]): Promise<readonly string[]>;
}

async function setup(): Promise<Topology> {
  const broker = await startBroker();
  const ensure = (streams: ResolvedStream[], durables: Durable[]) =>
    ensureTopology(broker.jsm, desired(streams, durables));
  return {
    ...broker,
    ensure,
    refusal: async (streams, durables) => {
      const error = await ensure(streams, durables).then(() => undefined, (error) => error);
      assert.ok(error instanceof StartupProblems, `expected StartupProblems, got ${error}`);
      return error.problems;
    },
  };
}

Deno.test("ensureTopology changes filters in place", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], [RESERVE]);
  const { created } = await broker.jsm.consumers.info("ORDERS", "reserveInventory");
  await broker.ensure([ORDERS], [{ ...RESERVE, filters: ["orders.created", "orders.restored"] }]);
  const info = await broker.jsm.consumers.info("ORDERS", "reserveInventory");
  assert.deepEqual(info.config.filter_subjects, ["orders.created", "orders.restored"]);
  assert.equal(info.created, created);
});

Deno.test("ensureTopology keeps settings that were made by hand and are not declared", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], [RESERVE]);
  const { config: stream } = await broker.jsm.streams.update("ORDERS", {
    max_msgs: 1_000_000,
    max_age: 3_600 * SECOND,
    description: "kept by the platform team",
    metadata: { team: "platform" },
    subjects: ["orders.>", "legacy_orders.>"],
  });
  const { config: consumer } = await broker.jsm.consumers.update("ORDERS", "reserveInventory", {
    max_ack_pending: 77,
    description: "watched",
    metadata: { owner: "stock" },
  });
  await broker.ensure([ORDERS], [{ ...RESERVE, filters: ["orders.restored"] }]);
  assert.deepEqual((await broker.jsm.streams.info("ORDERS")).config, stream);
  assert.deepEqual((await broker.jsm.consumers.info("ORDERS", "reserveInventory")).config, {
    ...consumer,
    filter_subjects: ["orders.restored"],
  });
});

Deno.test("ensureTopology changes settings that were made by hand to what is declared", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], [RESERVE]);
  await broker.jsm.streams.update("ORDERS", { max_age: 60 * SECOND, duplicate_window: 30 * SECOND, max_bytes: 5_000 });
  await broker.jsm.consumers.update("ORDERS", "reserveInventory", { max_deliver: 3, ack_wait: 2 * SECOND });
  const declared = { ...ORDERS, maxAgeMs: 86_400_000, duplicateWindowMs: 600_000, maxBytes: 10_000_000 };
  await broker.ensure([declared], [RESERVE]);
  const { max_age, duplicate_window, max_bytes } = (await broker.jsm.streams.info("ORDERS")).config;
  assert.deepEqual({ max_age, duplicate_window, max_bytes }, {
    max_age: 86_400 * SECOND,
    duplicate_window: 600 * SECOND,
    max_bytes: 10_000_000,
  });
  const { max_deliver, ack_wait } = (await broker.jsm.consumers.info("ORDERS", "reserveInventory")).config;
  assert.deepEqual({ max_deliver, ack_wait }, { max_deliver: -1, ack_wait: 15 * SECOND });
});

Deno.test("ensureTopology removes a consumer's own backoff, which would add to the delays of the policy", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], [RESERVE]);
  await broker.jsm.consumers.update("ORDERS", "reserveInventory", { backoff: [1 * SECOND, 5 * SECOND] });
  await broker.ensure([ORDERS], [RESERVE]);
  const { config } = await broker.jsm.consumers.info("ORDERS", "reserveInventory");
  assert.equal(config.backoff, undefined);
  assert.equal(config.ack_wait, 15 * SECOND);
});

Deno.test("ensureTopology shortens the duplicate window to a shorter age limit", async () => {
  await using broker = await setup();
  const payments = { name: "PAYMENTS", subjects: ["payments.>"] };
  await broker.ensure([payments], []);
  await broker.ensure([{ ...ORDERS, maxAgeMs: 60_000 }, { ...payments, maxAgeMs: 60_000 }], []);
  for (const name of ["ORDERS", "PAYMENTS"]) {
    const { max_age, duplicate_window } = (await broker.jsm.streams.info(name)).config;
    assert.deepEqual({ max_age, duplicate_window }, { max_age: 60 * SECOND, duplicate_window: 60 * SECOND });
  }
});

Deno.test("ensureTopology rejects with every problem that cannot change in place", async () => {
  await using broker = await setup();
  const payments = { name: "PAYMENTS", subjects: ["payments.>"], storage: "file" } as const;
  await broker.ensure([ORDERS], []);
  await broker.jsm.streams.add({ name: "PAYMENTS", subjects: ["payments.>"], storage: StorageType.Memory });
  await broker.jsm.consumers.add("ORDERS", { durable_name: "reserveInventory", ack_policy: AckPolicy.None });
  await broker.jsm.consumers.add("ORDERS", {
    durable_name: "notify",
    ack_policy: AckPolicy.None,
    deliver_subject: "push.here",
  });
  const declare = "declare what it is, or remove the stream yourself once its events are handled";
  const stuck = "JetStream cannot change it in place";
  const problems = await broker.refusal([ORDERS, payments], [RESERVE, {
    ...RESERVE,
    functionName: "notify",
    consumer: "notify",
  }]);
  assert.deepEqual(problems.map((problem) => problem.replace(/; stop the function, .*/, "")), [
    `stream PAYMENTS: storage is memory and should be file: ${stuck}; ${declare}`,
    `consumer reserveInventory on stream ORDERS: ack_policy is none and should be explicit: ${stuck}`,
    `consumer notify on stream ORDERS: ack_policy is none and should be explicit: ${stuck}; ` +
    `deliver_subject is push.here and should be none (a pull consumer): ${stuck}`,
  ]);
});

Deno.test("ensureTopology changes nothing when one step is blocked", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], []);
  const { config } = await broker.jsm.streams.info("ORDERS");
  const payments = { name: "PAYMENTS", subjects: ["payments.>"] };
  await broker.refusal([{ ...ORDERS, subjects: ["orders.>", "carts.>"], storage: "memory" }, payments], [RESERVE]);
  assert.deepEqual((await broker.jsm.streams.info("ORDERS")).config, config);
  const found = await Array.fromAsync(broker.jsm.streams.names());
  assert.deepEqual(found.sort(), ["DEAD_LETTERS", "ORDERS", "RETRIES"]);
  assert.deepEqual(await Array.fromAsync(broker.jsm.consumers.list("ORDERS")), []);
});

Deno.test("ensureTopology with partly applies the other steps although one is blocked", async () => {
  await using broker = await setup();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], storage: StorageType.Memory });
  const orders = { ...ORDERS, storage: "file" } as const;
  await assert.rejects(ensureTopology(broker.jsm, desired([orders], [RESERVE]), { partly: true }), {
    name: "StartupProblems",
    message: /storage is memory and should be file/,
  });
  assert.equal((await broker.jsm.consumers.info("ORDERS", "reserveInventory")).name, "reserveInventory");
});

Deno.test("ensureTopology rejects a stream that mirrors another", async () => {
  await using broker = await setup();
  await broker.ensure([{ name: "PAYMENTS", subjects: ["payments.>"] }], []);
  await broker.jsm.streams.add({ name: "ORDERS", mirror: { name: "PAYMENTS" } });
  assert.deepEqual(await broker.refusal([ORDERS], []), [
    "stream ORDERS: it mirrors stream PAYMENTS, and a mirror stores no subjects of its own: declare PAYMENTS in schemas/ " +
    "with these subjects, instead of the mirror, or, to listen to the mirror only, name it by `stream` in its events and " +
    "patterns",
  ]);
});

Deno.test("ensureTopology names the foreign stream whose subjects overlap", async () => {
  await using broker = await setup();
  await broker.jsm.streams.add({ name: "EVERYTHING", subjects: ["orders.*", "stock.*"] });
  const [problem, ...others] = await broker.refusal([ORDERS], [RESERVE]);
  assert.deepEqual(others, []);
  assert.match(problem, /^stream ORDERS: .*subjects overlap/);
  assert.match(problem, /EVERYTHING/);
});

Deno.test("ensureTopology reports the server's error for replicas that one server cannot have", async () => {
  await using broker = await setup();
  await assert.rejects(ensureTopology(broker.jsm, desired([ORDERS], [], { replicas: 3 })), {
    name: "StartupProblems",
    message: /stream ORDERS: JetStream says: replicas > 1 not supported in non-clustered mode \(10074\)/,
  });
});

for (
  const [setting, wide, narrow] of [
    ["max_age", { maxAgeMs: 7_200_000 }, { maxAgeMs: 3_600_000 }],
    ["max_age", {}, { maxAgeMs: 3_600_000 }],
    ["max_bytes", { maxBytes: 10_000_000 }, { maxBytes: 5_000_000 }],
    ["max_bytes", {}, { maxBytes: 5_000_000 }],
    ["duplicate_window", { duplicateWindowMs: 600_000 }, { duplicateWindowMs: 120_000 }],
  ] as const
) {
  Deno.test(`ensureTopology at a start raises ${setting} and lowers it never, from ${JSON.stringify(wide)}`, async () => {
    await using broker = await setup();
    const at = (stream: object, scope: Scope) =>
      ensureTopology(broker.jsm, desired([{ ...ORDERS, ...stream }], [RESERVE]), { scope });
    const value = async () => (await broker.jsm.streams.info("ORDERS")).config[setting];
    await at(wide, "start");
    const before = await value();
    await at(narrow, "start");
    assert.equal(await value(), before);
    await at(narrow, "apply");
    const lowered = await value();
    assert.notEqual(lowered, before);
    await at(wide, "running"); // an operator's edit of a limit stays while a process runs
    assert.equal(await value(), lowered);
    if (Object.keys(wide).length === 0) return; // undeclared
    await at(wide, "start");
    assert.equal(await value(), before);
  });
}
