import assert from "node:assert/strict";
import { AckPolicy, StorageType } from "@nats-io/jetstream";
import { StartupProblems } from "../../../runtime/project/startup_problems.ts";
import type { ResolvedStream } from "../../../runtime/project/resolve_streams.ts";
import type { Durable } from "../../../runtime/nats/topology/plan_consumer.ts";
import { ensureTopology } from "../../../runtime/nats/topology/topology.ts";
import { type Broker, startBroker } from "../../support/nats.ts";

const SECOND = 1_000 * 1e6;
const ORDERS: ResolvedStream = { name: "ORDERS", subjects: ["orders.>"] };
const RESERVE: Durable = { functionName: "reserveInventory", stream: "ORDERS", filters: ["orders.created"] };

interface Topology extends Broker {
  ensure(streams: ResolvedStream[], durables: Durable[]): Promise<unknown>;
  /** The problems of a run that is refused. */
  refusal(streams: ResolvedStream[], durables: Durable[]): Promise<readonly string[]>;
}

async function setup(): Promise<Topology> {
  const broker = await startBroker();
  const ensure = (streams: ResolvedStream[], durables: Durable[]) =>
    ensureTopology(broker.jsm, streams, durables, undefined);
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

Deno.test("a filter that changes is changed in place", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], [RESERVE]);
  const { created } = await broker.jsm.consumers.info("ORDERS", "reserveInventory");
  await broker.ensure([ORDERS], [{ ...RESERVE, filters: ["orders.created", "orders.restored"] }]);
  const info = await broker.jsm.consumers.info("ORDERS", "reserveInventory");
  assert.deepEqual(info.config.filter_subjects, ["orders.created", "orders.restored"]);
  assert.equal(info.created, created);
});

Deno.test("what is set by hand and not declared survives", async () => {
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

Deno.test("what is declared is enforced over what was set by hand", async () => {
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

Deno.test("a consumer's own backoff is removed: it would add to every delay of the policy's", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], [RESERVE]);
  await broker.jsm.consumers.update("ORDERS", "reserveInventory", { backoff: [1 * SECOND, 5 * SECOND] });
  await broker.ensure([ORDERS], [RESERVE]);
  const { config } = await broker.jsm.consumers.info("ORDERS", "reserveInventory");
  assert.equal(config.backoff, undefined);
  assert.equal(config.ack_wait, 15 * SECOND);
});

Deno.test("events may be kept for less time than ids are remembered by default", async () => {
  await using broker = await setup();
  const payments = { name: "PAYMENTS", subjects: ["payments.>"] };
  await broker.ensure([payments], []);
  await broker.ensure([{ ...ORDERS, maxAgeMs: 60_000 }, { ...payments, maxAgeMs: 60_000 }], []);
  for (const name of ["ORDERS", "PAYMENTS"]) {
    const { max_age, duplicate_window } = (await broker.jsm.streams.info(name)).config;
    assert.deepEqual({ max_age, duplicate_window }, { max_age: 60 * SECOND, duplicate_window: 60 * SECOND });
  }
});

Deno.test("what cannot change in place is refused, every problem at once", async () => {
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
  const problems = await broker.refusal([ORDERS, payments], [RESERVE, { ...RESERVE, functionName: "notify" }]);
  assert.deepEqual(problems.map((problem) => problem.replace(/; stop the function, .*/, "")), [
    `stream PAYMENTS: storage is memory and should be file: ${stuck}; ${declare}`,
    `consumer reserveInventory on stream ORDERS: ack_policy is none and should be explicit: ${stuck}`,
    `consumer notify on stream ORDERS: ack_policy is none and should be explicit: ${stuck}; ` +
    `deliver_subject is push.here and should be none (a pull consumer): ${stuck}`,
  ]);
});

Deno.test("a refused change leaves everything as it was", async () => {
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

Deno.test("a repair does what it can, also where something is refused", async () => {
  await using broker = await setup();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], storage: StorageType.Memory });
  const orders = { ...ORDERS, storage: "file" } as const;
  await assert.rejects(ensureTopology(broker.jsm, [orders], [RESERVE], undefined, { partly: true }), {
    name: "StartupProblems",
    message: /storage is memory and should be file/,
  });
  assert.equal((await broker.jsm.consumers.info("ORDERS", "reserveInventory")).name, "reserveInventory");
});

Deno.test("a stream that mirrors another cannot take events", async () => {
  await using broker = await setup();
  await broker.ensure([{ name: "PAYMENTS", subjects: ["payments.>"] }], []);
  await broker.jsm.streams.add({ name: "ORDERS", mirror: { name: "PAYMENTS" } });
  assert.deepEqual(await broker.refusal([ORDERS], []), [
    "stream ORDERS: mirror: it mirrors another stream, which stores no subjects of its own",
  ]);
});

Deno.test("a foreign stream with overlapping subjects is named as the reason", async () => {
  await using broker = await setup();
  await broker.jsm.streams.add({ name: "EVERYTHING", subjects: ["orders.*", "stock.*"] });
  const [problem, ...others] = await broker.refusal([ORDERS], [RESERVE]);
  assert.deepEqual(others, []);
  assert.match(problem, /^stream ORDERS: .*subjects overlap/);
  assert.match(problem, /EVERYTHING/);
});

Deno.test("replicas that one server cannot have are refused with its words", async () => {
  await using broker = await setup();
  await assert.rejects(ensureTopology(broker.jsm, [ORDERS], [], 3), {
    name: "StartupProblems",
    message: /stream ORDERS: JetStream says: replicas > 1 not supported in non-clustered mode \(10074\)/,
  });
});
