import assert from "node:assert/strict";
import { RetentionPolicy } from "@nats-io/jetstream";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { PassedEvents } from "../../../runtime/nats/consume/passed_events.ts";
import { firstBeginning, metadataWith } from "../../../runtime/nats/topology/beginnings.ts";
import type { DesiredState, Durable } from "../../../runtime/nats/topology/resources.ts";
import { eventually } from "../../support/eventually.ts";
import { DESIRED, type Planning, SHIP, SHIP_RETRIES, startPlanning } from "../../support/planning.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const NEW: Durable = { ...SHIP, from: "new" };
/** The desired state of `ship`, which begins with new events. */
const STATE: DesiredState = { ...DESIRED, durables: [NEW, { ...SHIP_RETRIES, remembers: ["ORDERS"] }] };

/** Starts a server whose stream ORDERS has five events of `orders.paid`. */
async function withHistory(): Promise<Planning> {
  const broker = await startPlanning();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], allow_direct: true });
  await broker.store("orders.paid", 5);
  return broker;
}

async function delivered(broker: Planning, count: number): Promise<number[]> {
  await eventually(async () => (await broker.jsm.consumers.info("ORDERS", "ship")).num_pending === count);
  return await broker.take("ORDERS", "ship", count, count);
}

const rows: [what: string, metadata: Record<string, string> | undefined, written: string][] = [
  ["nothing", undefined, "ORDERS 6 2026-01-01, STOCK 1 -"],
  ["another stream", { "weir-begun": "PAY 3 2025-12-31" }, "ORDERS 6 2026-01-01, STOCK 1 -, PAY 3 2025-12-31"],
  ["an earlier beginning, which stays", { "weir-begun": "ORDERS 2 2025-12-31" }, "ORDERS 2 2025-12-31, STOCK 1 -"],
];
for (const [what, metadata, written] of rows) {
  Deno.test(`metadataWith adds beginnings to ${what}`, () => {
    const beginnings = new Map([
      ["ORDERS", { sequence: 6, created: "2026-01-01" }],
      ["STOCK", { sequence: 1, created: undefined }],
    ]);
    assert.deepEqual(metadataWith({ ...metadata, other: "kept" }, beginnings), {
      other: "kept",
      "weir-begun": written,
    });
  });
}

Deno.test("ensureTopology begins a function with `from: new` after the stored events, which the plan counts", async () => {
  await using broker = await withHistory();
  const [planned] = (await broker.plan(STATE)).filter(({ what, kind }) => what === "consumer" && kind === "create");
  assert.deepEqual("waiting" in planned && [planned.waiting, planned.skipped], [0, 5]);
  await broker.ensure(STATE);
  assert.deepEqual(await broker.plan(STATE), []);
  await broker.store("orders.paid", 2);
  assert.deepEqual(await delivered(broker, 2), [6, 7]);
});

Deno.test("planCluster counts what a function with `from: new` begins with in a stream without direct reads", async () => {
  await using broker = await withHistory();
  await broker.jsm.streams.update("ORDERS", { allow_direct: false });
  const beginning = async (from: Durable["from"]) => {
    const durables = [{ ...NEW, from }, ...STATE.durables.slice(1)];
    const steps = await broker.plan({ ...STATE, durables });
    const created = steps.find(({ what, name, kind }) => what === "consumer" && name === "ship" && kind === "create");
    assert.ok(created && "waiting" in created);
    return [created.waiting, created.skipped];
  };
  assert.deepEqual(await beginning("new"), [0, 5]);
  assert.deepEqual(await beginning({ sinceMs: 3_600_000 }), [5, undefined]);
});

Deno.test("firstBeginning with `since` is the first event of that time, by the server's clock", async () => {
  await using broker = await withHistory();
  const timeOf = async (seq: number) => (await broker.jsm.streams.getMessage("ORDERS", { seq }))!.time.getTime();
  const before = await timeOf(5);
  await eventually(() => Date.now() > before + 1); // a later millisecond
  await broker.store("orders.paid", 2);
  const info = await broker.jsm.streams.info("ORDERS"), later = await timeOf(6);
  const begins = (sinceMs: number, ts: number) =>
    firstBeginning(
      broker.jsm,
      { ...SHIP, from: { sinceMs } },
      { ...info, ts: new Date(ts).toISOString() } as never,
      {},
    );
  assert.equal(await begins(60_000, later + 60_000), 5);
  assert.equal(await begins(60_000, later + 120_000), 7, "no event is as new as that");
  assert.equal(await begins(3_600_000, later), 0);
});

Deno.test("[G7] ensureTopology begins again where a function with `from: new` began, when its consumer was lost", async () => {
  await using broker = await withHistory();
  await broker.ensure(STATE);
  await broker.store("orders.paid", 3);
  await broker.jsm.consumers.delete("ORDERS", "ship");
  await broker.ensure(STATE);
  assert.deepEqual(await delivered(broker, 3), [6, 7, 8]);

  await broker.jsm.streams.delete("ORDERS");
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], allow_direct: true });
  await broker.store("orders.paid", 2);
  await broker.ensure(STATE);
  assert.deepEqual(await delivered(broker, 2), [1, 2], "a stream that is created again has no events of before");
});

Deno.test("PassedEvents takes a consumer that begins by `from` for no other client's, which would skip events", async () => {
  await using broker = await withHistory();
  const passed = new PassedEvents(
    broker.jsm,
    { bringBack: () => assert.fail(), names: NO_NAMESPACE },
    silent,
    systemClock,
  );
  for (const from of ["new", { sinceMs: 1 }] as const) {
    const state = { ...DESIRED, durables: [{ ...SHIP, from }, { ...SHIP_RETRIES, remembers: ["ORDERS"] }] };
    await broker.ensure(state);
    passed.record(SHIP, await broker.jsm.consumers.info("ORDERS", "ship"));
    for (const stream of ["ORDERS", "RETRIES"]) await broker.jsm.consumers.delete(stream, "ship");
    await broker.ensure(state);
    assert.equal(passed.isReplaced(SHIP, await broker.jsm.consumers.info("ORDERS", "ship")), false);
  }
});

Deno.test("ensureTopology remembers where a running function is, that is given `from: new` afterwards", async () => {
  await using broker = await withHistory();
  await broker.ensure();
  await broker.ensure(STATE);
  await broker.jsm.consumers.delete("ORDERS", "ship");
  await broker.ensure(STATE);
  assert.deepEqual(await delivered(broker, 5), [1, 2, 3, 4, 5]);
});

Deno.test("planCluster refuses `from` on a work queue, and says what to do", async () => {
  await using broker = await startPlanning();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], retention: RetentionPolicy.Workqueue });
  const blocked = (await broker.plan(STATE)).filter(({ kind }) => kind === "blocked");
  assert.deepEqual(blocked, [{
    what: "consumer",
    name: "ship",
    stream: "ORDERS",
    kind: "blocked",
    problems: [
      "the function has the option `from`, and its stream is a work queue, whose consumers begin with the oldest stored " +
      "event: remove the option",
    ],
  }]);
});
