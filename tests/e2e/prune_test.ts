import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../nats/eventually.ts";
import { startPlanned } from "./planned.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("what a removed function leaves is kept while it runs, and pruned after, its parked retries as dead letters", async () => {
  await using planned = await startPlanned();
  const { jsm } = planned.cluster;
  let parked = 0;
  const kept = defineFunction({ on: Asked }, () => {});
  const removed = defineFunction({ on: Asked }, () => {
    parked++;
    throw new RetryAfterError("1h");
  });
  const before = await startTestRuntime({ functions: { kept, removed }, server: planned.server });
  for (const n of [1, 2, 3]) await before.publish(Asked, { n });
  await eventually(() => parked === 3);
  await eventually(async () => (await jsm.consumers.info("DEMO", "removed")).num_ack_pending === 0);

  const orphans = async () =>
    (await planned.plan({ kept })).map((step) =>
      step.kind === "orphan" ? [step.stream, step.backlog, step.inUse] : step
    );
  const lane = { pending: 0, unsettled: 0, parked: 3 };
  assert.deepEqual(await orphans(), [
    ["DEMO", { pending: 0, unsettled: 0, parked: 0 }, true],
    ["RETRIES", lane, true],
  ]);
  const refused = await planned.apply({ kept }, { prune: true });
  assert.deepEqual(
    refused.map(({ problem }) => problem),
    ["DEMO", "RETRIES"].map((stream) =>
      `consumer removed on stream ${stream}: a process is pulling on it, or was a minute ago: it stays`
    ),
  );

  await before.stop();
  await planned.cluster.publisher.publish({
    id: "late",
    type: Asked.type,
    source: "/test",
    time: new Date().toISOString(),
    json: '{"n":4}',
  });
  await eventually(async () => (await jsm.consumers.info("DEMO", "removed")).num_waiting === 0);
  await eventually(async () => (await jsm.consumers.info("RETRIES", "removed")).num_waiting === 0);
  assert.deepEqual(await orphans(), [
    ["DEMO", { pending: 1, unsettled: 0, parked: 0 }, false],
    ["RETRIES", lane, false],
  ]);
  assert.deepEqual(await planned.apply({ kept }, { prune: ["somebody"] }), []);
  const applied = await planned.apply({ kept }, { prune: ["removed"] });
  assert.deepEqual(
    applied.map(({ step, leftBehind, cancelled, problem }) => [
      "stream" in step && step.stream,
      leftBehind,
      cancelled,
      problem,
    ]),
    [["DEMO", 1, 0, undefined], ["RETRIES", 0, 3, undefined]],
  );
  assert.deepEqual(await planned.plan({ kept }), []);
  assert.equal((await jsm.streams.info("DEAD_LETTERS")).state.messages, 3);
  assert.equal((await jsm.streams.info("RETRIES")).state.messages, 0);
  assert.equal((await jsm.streams.info("DEMO")).state.messages, 4);
});
