import assert from "node:assert/strict";
import { AckPolicy, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import type { ResolvedStream } from "../../../runtime/project/resolve_streams.ts";
import { durablesOf } from "../../../runtime/nats/consume/resources.ts";
import { ensureTopology } from "../../../runtime/nats/topology/ensure_topology.ts";
import type { Durable } from "../../../runtime/nats/topology/resources.ts";
import { jetstreamManager } from "@nats-io/jetstream";
import { type Broker, startBroker } from "../../support/nats.ts";
import { desired } from "../../support/desired.ts";

const MINUTE = 60_000 * 1e6;
const ORDERS: ResolvedStream = { name: "ORDERS", subjects: ["orders.>"] };
const PAYMENTS: ResolvedStream = { name: "PAYMENTS", subjects: ["payments.>"] };
const RESERVE: Durable = {
  functionName: "reserveInventory",
  consumer: "reserveInventory",
  stream: "ORDERS",
  filters: ["orders.created"],
};
const NOTIFY: Durable = {
  functionName: "notify",
  consumer: "notify",
  stream: "ORDERS",
  filters: ["orders.confirmed", "orders.rejected"],
};
const CAPTURE: Durable = {
  functionName: "capturePayment",
  consumer: "capturePayment",
  stream: "PAYMENTS",
  filters: ["payments.due"],
};

async function setup(): Promise<
  Broker & { ensure: (streams: ResolvedStream[], durables: Durable[]) => Promise<unknown> }
> {
  const broker = await startBroker();
  return { ...broker, ensure: (streams, durables) => ensureTopology(broker.jsm, desired(streams, durables)) };
}

/** Returns the configuration and creation time of every stream and consumer. */
async function everything(jsm: JetStreamManager) {
  const all: Record<string, unknown> = {};
  for await (const { config, created } of jsm.streams.list()) {
    all[config.name] = { config, created };
    for await (const consumer of jsm.consumers.list(config.name)) {
      all[`${config.name}/${consumer.name}`] = { config: consumer.config, created: consumer.created };
    }
  }
  return all;
}

Deno.test("ensureTopology creates streams and durables, DEAD_LETTERS and RETRIES", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS, PAYMENTS], [RESERVE, NOTIFY, CAPTURE]);
  assert.deepEqual(Object.keys(await everything(broker.jsm)).sort(), [
    "DEAD_LETTERS",
    "ORDERS",
    "ORDERS/notify",
    "ORDERS/reserveInventory",
    "PAYMENTS",
    "PAYMENTS/capturePayment",
    "RETRIES",
  ]);
});

Deno.test("ensureTopology creates a stream on disk that keeps events for a week and discards new ones when full", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], []);
  const { subjects, retention, storage, discard, max_age, duplicate_window, num_replicas, allow_direct } =
    (await broker.jsm.streams.info("ORDERS")).config;
  assert.deepEqual(
    { subjects, retention, storage, discard, max_age, duplicate_window, num_replicas, allow_direct },
    {
      subjects: ["orders.>"],
      retention: "limits",
      storage: "file",
      discard: "new",
      max_age: 7 * 24 * 60 * MINUTE,
      duplicate_window: 2 * MINUTE,
      num_replicas: 1,
      allow_direct: true,
    },
  );
});

Deno.test("ensureTopology creates a durable with explicit acks, from the stream's start, without max_deliver", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], [RESERVE]);
  const { durable_name, ack_policy, deliver_policy, filter_subjects, ack_wait, max_deliver, backoff, deliver_subject } =
    (await broker.jsm.consumers.info("ORDERS", "reserveInventory")).config;
  assert.deepEqual(
    { durable_name, ack_policy, deliver_policy, filter_subjects, ack_wait, max_deliver, backoff, deliver_subject },
    {
      durable_name: "reserveInventory",
      ack_policy: "explicit",
      deliver_policy: "all",
      filter_subjects: ["orders.created"],
      ack_wait: 15_000 * 1e6,
      max_deliver: -1,
      backoff: undefined,
      deliver_subject: undefined,
    },
  );
});

Deno.test("ensureTopology changes nothing when it runs again", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS, PAYMENTS], [RESERVE, NOTIFY, CAPTURE]);
  const before = await everything(broker.jsm);
  await broker.ensure([ORDERS, PAYMENTS], [RESERVE, NOTIFY, CAPTURE]);
  assert.deepEqual(await everything(broker.jsm), before);
});

Deno.test("ensureTopology succeeds in eight replicas that start at once", async () => {
  await using broker = await setup();
  const managers = await Promise.all(
    Array.from({ length: 8 }, async () => await jetstreamManager(await broker.connect(), { checkAPI: false })),
  );
  const run = (jsm: JetStreamManager) => ensureTopology(jsm, desired([ORDERS, PAYMENTS], [RESERVE, NOTIFY, CAPTURE]));
  await Promise.all(managers.map(run));
  assert.equal(Object.keys(await everything(broker.jsm)).length, 7);
  // The next release: other filters, and a stream with one more subject, from eight replicas at once again.
  const wider = { ...ORDERS, subjects: ["orders.>", "carts.>"] }, moved = { ...RESERVE, filters: ["orders.paid"] };
  await Promise.all(managers.map((jsm) => ensureTopology(jsm, desired([wider, PAYMENTS], [moved, NOTIFY, CAPTURE]))));
  assert.deepEqual((await broker.jsm.streams.info("ORDERS")).config.subjects, ["orders.>", "carts.>"]);
  const { config } = await broker.jsm.consumers.info("ORDERS", "reserveInventory");
  assert.deepEqual(config.filter_subjects, ["orders.paid"]);
});

Deno.test("ensureTopology creates DEAD_LETTERS without an age limit", async () => {
  await using broker = await setup();
  await broker.ensure([], []);
  const { config } = await broker.jsm.streams.info("DEAD_LETTERS");
  assert.equal(config.max_age, 0);
  assert.deepEqual(config.subjects, ["dead_letters.>"]);
});

Deno.test("durablesOf returns a durable on each stream of a function's triggers, and one on RETRIES", () => {
  const policy = { from: "all" } as never, handler = () => {};
  const triggers = [
    { pattern: "orders.created", stream: "ORDERS" },
    { pattern: "payments.due", stream: "PAYMENTS" },
    { pattern: "orders.paid", stream: "ORDERS" },
  ];
  assert.deepEqual(durablesOf([{ name: "audit", file: "functions/audit.ts", triggers, emits: [], policy, handler }]), [
    { functionName: "audit", consumer: "audit", stream: "ORDERS", filters: ["orders.created", "orders.paid"] },
    { functionName: "audit", consumer: "audit", stream: "PAYMENTS", filters: ["payments.due"] },
    {
      functionName: "audit",
      consumer: "audit",
      stream: "RETRIES",
      filters: ["retries.due.audit.>", "retries.redriven.audit.>"],
    },
  ]);
});

Deno.test("ensureTopology replaces the single filter subject of an older durable", async () => {
  await using broker = await setup();
  await broker.ensure([ORDERS], []);
  await broker.jsm.consumers.add("ORDERS", {
    durable_name: "notify",
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.New,
    filter_subject: "orders.confirmed",
  });
  await broker.ensure([ORDERS], [NOTIFY]);
  const { config } = await broker.jsm.consumers.info("ORDERS", "notify");
  assert.deepEqual(config.filter_subjects, ["orders.confirmed", "orders.rejected"]);
  assert.equal(config.filter_subject, undefined);
  assert.equal(config.deliver_policy, "new");
});
