import assert from "node:assert/strict";
import { Kvm } from "@nats-io/kv";
import { DiscardPolicy, type JetStreamManager, RetentionPolicy, type StreamConfig } from "@nats-io/jetstream";
import { IDEMPOTENCY } from "../../../runtime/nats/kv/resources.ts";
import { planTopology } from "../../../runtime/nats/topology/plan.ts";
import { planBucket } from "../../../runtime/nats/topology/plan_bucket.ts";
import { eventually } from "../../support/eventually.ts";
import { DESIRED, desiredWith, everything, ORDERS, startPlanning } from "../../support/planning.ts";

const SECOND = 1_000 * 1e6;
const SUBJECTS = [`$KV.${IDEMPOTENCY.name}.>`];

Deno.test("planCluster on an empty cluster creates everything in its steps, and nothing on the server", async () => {
  await using broker = await startPlanning();
  const steps = await broker.plan();
  assert.deepEqual(steps.map(({ kind, what, name }) => `${kind} ${what} ${name}`), [
    "create stream ORDERS",
    "create stream DEAD_LETTERS",
    "create stream RETRIES",
    "create bucket weir_attempts",
    "create consumer ship",
    "create consumer ship",
  ]);
  assert.deepEqual(steps.flatMap((step) => "waiting" in step ? [step.waiting] : []), [0, 0]);
  assert.deepEqual(await everything(broker.jsm), []);
});

Deno.test("planCluster finds nothing to do after ensureTopology, and changes nothing", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.paid", 3);
  const before = await everything(broker.jsm);
  assert.deepEqual(await broker.plan(), []);
  assert.deepEqual(await everything(broker.jsm), before);
  await broker.ensure();
  assert.deepEqual(await everything(broker.jsm), before);
});

Deno.test("planCluster changes back what was changed by hand, field by field", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.jsm.streams.update("ORDERS", { subjects: ["orders.paid"] });
  await broker.jsm.consumers.update("ORDERS", "ship", {
    ack_wait: 2 * SECOND,
    max_deliver: 3,
    headers_only: true,
    max_ack_pending: 77, // not declared: the operator's setting
  });
  await broker.jsm.consumers.update("RETRIES", "ship", { backoff: [1 * SECOND, 5 * SECOND], max_deliver: 9 });
  assert.deepEqual(await broker.plan({ ...DESIRED, replicas: 3 }), [
    {
      what: "stream",
      name: "ORDERS",
      kind: "update",
      changes: [
        { field: "num_replicas", from: 1, to: 3 },
        { field: "subjects", from: ["orders.paid"], to: ["orders.>"] },
      ],
      leftOut: [],
    },
    ...["DEAD_LETTERS", "RETRIES"].map((name) => ({
      what: "stream",
      name,
      kind: "update",
      changes: [{ field: "num_replicas", from: 1, to: 3 }],
      leftOut: [],
    })),
    {
      what: "bucket",
      name: "weir_attempts",
      kind: "update",
      changes: [{ field: "num_replicas", from: 1, to: 3 }],
      leftOut: [],
    },
    {
      what: "consumer",
      name: "ship",
      stream: "ORDERS",
      kind: "update",
      changes: [
        { field: "ack_wait", from: 2 * SECOND, to: 15 * SECOND },
        { field: "max_deliver", from: 3, to: -1 },
        { field: "headers_only", from: true, to: false },
      ],
      leftOut: [],
    },
    {
      what: "consumer",
      name: "ship",
      stream: "RETRIES",
      kind: "update",
      changes: [
        { field: "ack_wait", from: 1 * SECOND, to: 15 * SECOND },
        { field: "max_deliver", from: 9, to: -1 },
        { field: "backoff", from: [1 * SECOND, 5 * SECOND], to: [] },
      ],
      leftOut: [],
    },
  ]);
  await broker.ensure();
  assert.deepEqual(await broker.plan(), []);
  assert.equal((await broker.jsm.consumers.info("ORDERS", "ship")).config.max_ack_pending, 77);
});

for (const direct of [true, false]) {
  Deno.test(`planCluster counts the events that a new consumer begins with${direct ? "" : ", also without direct reads"}`, async () => {
    await using broker = await startPlanning();
    await broker.jsm.streams.add({ ...ORDERS, subjects: [...ORDERS.subjects], allow_direct: direct });
    await broker.store("orders.paid", 5);
    await broker.store("orders.lost", 4);
    const [planned] = (await broker.plan()).filter((step) => step.what === "consumer" && step.stream === "ORDERS");
    assert.equal("waiting" in planned && planned.waiting, 5);
    const created = await broker.ensure();
    assert.deepEqual(created[0], { functionName: "ship", stream: "ORDERS", waiting: 5 });
  });
}

Deno.test("planCluster counts the events that a shorter age limit deletes", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.paid", 5);
  await eventually(async () => {
    const message = await broker.jsm.streams.getMessage("ORDERS", { seq: 5 });
    return Date.now() - message!.time.getTime() > 1_200;
  });
  await broker.store("orders.paid", 2);
  const [step] = await broker.plan(desiredWith([{ ...ORDERS, maxAgeMs: 1_000 }]));
  assert.deepEqual("leftOut" in step && step.leftOut, [{ why: "expired", subject: ">", events: 5 }]);
});

for (const [discard, why] of [[DiscardPolicy.New, "full"], [DiscardPolicy.Old, "oversize"]] as const) {
  Deno.test(`planCluster reports a size limit below the current size of a stream that discards ${discard} events`, async () => {
    await using broker = await startPlanning();
    await broker.ensure();
    await broker.jsm.streams.update("ORDERS", { discard });
    await broker.store("orders.paid", 20);
    const leftOut = async (maxBytes: number) => {
      const [step] = await broker.plan(desiredWith([{ ...ORDERS, maxBytes }]));
      return "leftOut" in step && step.leftOut;
    };
    assert.deepEqual(await leftOut(100), [{ why, subject: ">", events: undefined }]);
    assert.deepEqual(await leftOut(1_000_000), []);
  });
}

Deno.test("planCluster blocks a stream whose subjects another stream stores, and says what to do", async () => {
  await using broker = await startPlanning();
  await broker.jsm.streams.add({ name: "EVERYTHING", subjects: ["orders.*"] });
  const [step, ...others] = (await broker.plan()).filter(({ kind }) => kind !== "create" && kind !== "foreign");
  assert.deepEqual(others, []);
  assert.deepEqual(step, {
    what: "stream",
    name: "ORDERS",
    kind: "blocked",
    problems: [
      "subjects overlap with those of stream EVERYTHING, and JetStream stores a subject in one stream only: " +
      "declare that stream, by its name, in schemas/, or, if Weir must not own it, name it by `stream` in its events and " +
      "patterns",
    ],
  });
});

Deno.test("planCluster blocks a subject that moves between two declared streams, and says what to do", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  const streams = [{ name: "ORDERS", subjects: ["orders.created"] }, { name: "PAID", subjects: ["orders.paid"] }];
  const [step] = (await broker.plan(desiredWith(streams))).filter(({ kind }) => kind === "blocked");
  assert.match("problems" in step ? step.problems[0] : "", /nats stream edit ORDERS --subjects/);
});

Deno.test("planBucket creates the same stream as the NATS KV client", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  const { config: ours } = await broker.jsm.streams.info("KV_weir_attempts");
  await broker.jsm.streams.delete("KV_weir_attempts");
  await new Kvm(broker.nc).create("weir_attempts", { history: 1, ttl: 7 * 86_400_000, replicas: 1 });
  const { config: theirs } = await broker.jsm.streams.info("KV_weir_attempts");
  assert.deepEqual({ ...ours, description: undefined }, { ...theirs, description: undefined });
  assert.deepEqual(await broker.plan(), []);
});

Deno.test("planCluster enables schedules on a RETRIES stream that was created without them", async () => {
  await using broker = await startPlanning();
  const made = { name: "RETRIES", subjects: ["retries.>"], retention: RetentionPolicy.Workqueue };
  await broker.jsm.streams.add({ ...made, discard: DiscardPolicy.New });
  const step = (await broker.plan()).find(({ what, name }) => what === "stream" && name === "RETRIES")!;
  assert.deepEqual("changes" in step && step.changes, [
    { field: "allow_msg_schedules", from: false, to: true },
    { field: "discard", from: "new", to: "old" },
  ]);
  await broker.ensure();
  assert.deepEqual(await broker.plan(), []);
  const { config } = await broker.jsm.streams.info("RETRIES");
  assert.deepEqual([config.allow_msg_schedules, config.discard], [true, "old"]);
});

for (
  const [setting, problem] of [
    [{ max_bytes: 1_000_000, discard: DiscardPolicy.New }, /discard "old", which drops retries .* max_bytes: remove/],
    [{ deny_purge: true }, /^deny_purge is true, and JetStream neither changes that in place nor schedules with it$/],
  ] as const
) {
  const [field] = Object.keys(setting);
  Deno.test(`planCluster blocks a RETRIES stream on which ${field} prevents schedules`, async () => {
    await using broker = await startPlanning();
    const made = { name: "RETRIES", subjects: ["retries.>"], retention: RetentionPolicy.Workqueue };
    await broker.jsm.streams.add({ ...made, ...setting });
    const step = (await broker.plan()).find(({ name }) => name === "RETRIES")!;
    assert.equal(step.kind, "blocked");
    assert.match("problems" in step ? step.problems.join() : "", problem);
  });
}

Deno.test("planBucket gives a bucket its subjects back, and leaves those that it has besides", () => {
  const found = { subjects: ["elsewhere.>"], no_ack: true, allow_msg_ttl: true } as unknown as StreamConfig;
  const step = planBucket(IDEMPOTENCY, found, undefined, "running");
  assert.deepEqual(step.kind === "update" && step.changes, [
    { field: "no_ack", from: true, to: false },
    { field: "subjects", from: ["elsewhere.>"], to: ["elsewhere.>", ...SUBJECTS] },
  ]);
});

Deno.test("planBucket changes the replicas of an existing bucket, and only when they are declared", () => {
  const found = { num_replicas: 1, allow_msg_ttl: true, subjects: SUBJECTS } as StreamConfig;
  const step = planBucket(IDEMPOTENCY, found, 3);
  assert.deepEqual("changes" in step && step.changes, [{ field: "num_replicas", from: 1, to: 3 }]);
  assert.equal(planBucket(IDEMPOTENCY, { ...found, num_replicas: 3 }, undefined).kind, "same");
});

Deno.test("planTopology leaves no rejection unhandled when several requests fail, as without a quorum", async () => {
  await using broker = await startPlanning();
  const unhandled: unknown[] = [];
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", onUnhandled);
  try {
    const fail = () => Promise.reject(new Error("JetStream system temporarily unavailable"));
    const { streams, consumers } = broker.jsm;
    const info: typeof streams.info = (name) => name.startsWith("KV_") ? fail() : streams.info(name);
    const jsm = { streams: Object.assign(Object.create(streams), { info }), consumers: { ...consumers, info: fail } };
    await assert.rejects(planTopology(jsm as unknown as JetStreamManager, DESIRED), /temporarily unavailable/);
    await new Promise((resolve) => setTimeout(resolve));
  } finally {
    removeEventListener("unhandledrejection", onUnhandled);
  }
  assert.deepEqual(unhandled, []);
});
