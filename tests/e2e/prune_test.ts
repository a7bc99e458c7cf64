import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { headers } from "@nats-io/transport-node";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { storedDelivery } from "../../runtime/nats/consume/parse_delivery.ts";
import { NatsPartitionStore } from "../../runtime/nats/partitions/nats_partition_store.ts";
import { publishAsync } from "../../runtime/engine/publisher.ts";
import { startPlanned } from "./planned.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("apply --prune keeps the consumers of a removed function while a process pulls, and then dead-letters its delayed retries", async () => {
  await using planned = await startPlanned();
  const { jsm } = planned.cluster;
  let delayed = 0;
  const kept = defineFunction({ on: Asked }, () => {});
  const removed = defineFunction({ on: Asked }, () => {
    delayed++;
    throw new RetryAfterError("1h");
  });
  const before = await startTestRuntime({ functions: { kept, removed }, server: planned.server });
  for (const n of [1, 2, 3]) await before.publish(Asked, { n });
  await eventually(() => delayed === 3);
  await eventually(async () => (await jsm.consumers.info("DEMO", "removed")).num_ack_pending === 0);

  const orphans = async () =>
    (await planned.plan({ kept })).map((step) =>
      step.kind === "orphan" ? [step.stream, step.backlog, step.inUse] : step
    );
  const onRetries = { pending: 0, unsettled: 0, delayedRetries: 3 };
  assert.deepEqual(await orphans(), [
    ["DEMO", { pending: 0, unsettled: 0, delayedRetries: 0 }, true],
    ["RETRIES", onRetries, true],
  ]);
  const refused = await planned.apply({ kept }, { prune: true });
  assert.deepEqual(
    refused.map(({ problem }) => problem),
    ["DEMO", "RETRIES"].map((stream) =>
      `consumer removed on stream ${stream}: not deleted, since a process pulls from it, or did within the last minute`
    ),
  );

  await before.stop();
  await publishAsync(planned.cluster.publisher, {
    id: "late",
    type: Asked.type,
    source: "/test",
    time: new Date().toISOString(),
    json: '{"n":4}',
  });
  await eventually(async () => (await jsm.consumers.info("DEMO", "removed")).num_waiting === 0);
  await eventually(async () => (await jsm.consumers.info("RETRIES", "removed")).num_waiting === 0);
  assert.deepEqual(await orphans(), [
    ["DEMO", { pending: 1, unsettled: 0, delayedRetries: 0 }, false],
    ["RETRIES", onRetries, false],
  ]);
  await assert.rejects(planned.apply({ kept }, { prune: ["remved", "removed", "other"] }), {
    message: 'nothing was changed: no unused consumer has the name "remved": did you mean "removed"?; ' +
      'no unused consumer has the name "other": there are: "removed"',
  });
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

Deno.test("apply --prune dead-letters the due retries of a removed function", async () => {
  await using planned = await startPlanned();
  const { jsm, nc } = planned.cluster;
  let failed = 0;
  const kept = defineFunction({ on: Asked }, () => {});
  const removed = defineFunction({ on: Asked }, () => {
    failed++;
    throw new RetryAfterError("1h");
  });
  const before = await startTestRuntime({ functions: { kept, removed }, server: planned.server });
  for (const n of [1, 2, 3]) await before.publish(Asked, { n });
  await eventually(() => failed === 3);
  await eventually(async () => (await jsm.streams.info("RETRIES")).state.messages === 3);
  await before.stop();
  // Makes two of them due while no process runs: stores them as JetStream's scheduler does, with their headers.
  for (const sequence of [1, 2]) {
    const delayed = (await jsm.streams.getMessage("RETRIES", { seq: sequence }))!;
    const due = headers();
    for (const key of delayed.header.keys().filter((name) => !name.startsWith("Nats-"))) {
      due.set(key, delayed.header.get(key));
    }
    await nc.request(delayed.header.get("Nats-Schedule-Target"), delayed.data, { headers: due, timeout: 5_000 });
    await jsm.streams.deleteMessage("RETRIES", sequence);
  }
  await eventually(async () => (await jsm.consumers.info("RETRIES", "removed")).num_waiting === 0);
  await eventually(async () => (await jsm.consumers.info("DEMO", "removed")).num_waiting === 0);
  const applied = await planned.apply({ kept }, { prune: true });
  assert.deepEqual(
    applied.map(({ leftBehind, cancelled, problem }) => [leftBehind, cancelled, problem]),
    [[0, 0, undefined], [0, 3, undefined]],
  );
  assert.equal((await jsm.streams.info("RETRIES")).state.messages, 0);
  const letters: string[] = [];
  for (const seq of [1, 2, 3]) {
    const letter = (await jsm.streams.getMessage("DEAD_LETTERS", { seq }))!;
    letters.push(`${letter.subject} ${letter.header.get("weir-stream")} ${letter.string()}`);
  }
  assert.deepEqual(letters.toSorted(), [1, 2, 3].map((n) => `dead_letters.removed.demo.asked DEMO {"n":${n}}`));
});

Deno.test("apply --prune dead-letters the events that wait in the partitions of a removed function, and removes their consumers", async () => {
  await using planned = await startPlanned();
  const { jsm } = planned.cluster, kept = defineFunction({ on: Asked }, () => {});
  const removed = defineFunction({ on: Asked, order: { by: () => "key", partitions: 2 } }, () => {});
  const before = await startTestRuntime({ functions: { kept, removed }, server: planned.server });
  for (const n of [1, 2, 3]) await before.publish(Asked, { n });
  const assigned = async () => (await jsm.streams.info("ORDER_PARTITIONS")).state;
  await eventually(async () => (await assigned()).last_seq === 3 && (await assigned()).messages === 0);
  await before.stop();
  const store = new NatsPartitionStore(planned.cluster.messages, jsm, {} as never, NO_NAMESPACE);
  for (const seq of [1, 2, 3]) {
    const delivery = storedDelivery("OTHER", (await jsm.streams.getMessage("DEMO", { seq }))!);
    await store.store("removed", { index: seq % 2, of: 2 }, delivery, true);
  }
  assert.equal((await assigned()).messages, 3);
  await eventually(async () => (await planned.plan({ kept })).every((step) => step.kind !== "orphan" || !step.inUse));
  const waiting = (await planned.plan({ kept })).filter(({ kind }) => kind === "orphan");
  assert.equal(waiting.length, 6);
  const applied = await planned.apply({ kept }, { prune: ["removed"] });
  assert.deepEqual(applied.flatMap(({ problem }) => problem ?? []), []);
  assert.deepEqual(applied.map(({ leftBehind }) => leftBehind), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(applied.flatMap(({ assigned }) => assigned ?? []), [3]);
  assert.equal((await assigned()).messages, 0);
  const letter = await jsm.streams.getMessage("DEAD_LETTERS", { seq: 1 });
  assert.deepEqual([letter!.subject, letter!.header.get("weir-reason")], [
    "dead_letters.removed.demo.asked",
    "cancelled",
  ]);
  assert.equal((await jsm.streams.info("DEAD_LETTERS")).state.messages, 3);
  assert.deepEqual((await planned.plan({ kept })).filter(({ kind }) => kind === "orphan"), []);
});
