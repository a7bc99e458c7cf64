import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { allConsumers } from "../../runtime/nats/topology/function_consumers.ts";
import { pauseConsumers, resumeConsumers } from "../../runtime/nats/topology/pause.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { Asked, inOrder, startReplicas, status } from "./ordered_replicas.ts";

const KEYS = Array.from({ length: 10 }, (_, i) => `key ${i}`);

Deno.test("order with partitions keeps each key in order in a namespace, whose streams alone it uses", async () => {
  const failed = new Set<number>();
  const handle = ({ n }: { n: number }) => {
    if (n % 9 !== 4 || failed.has(n)) return;
    failed.add(n);
    throw new Error("as planned");
  };
  await using weir = await startReplicas(handle, { partitions: 2, env: { WEIR_NAMESPACE: "shop" } });
  const replicas = [await weir.start(), await weir.start()];
  for (let n = 0; n < 100; n++) await replicas[n % 2].publish(Asked, { n, key: KEYS[n % 10] });
  await eventually(() => new Set(weir.starts.map(({ n }) => n)).size === 100);
  for (const [i, key] of KEYS.entries()) {
    assert.deepEqual(inOrder(weir.starts, key), Array.from({ length: 10 }, (_, n) => 10 * n + i), key);
  }
  assert.deepEqual(weir.atOnce, []);
  const nc = await connectNats({ servers: [weir.server.url], name: "test" }), jsm = await jetstreamManager(nc);
  const names: string[] = [];
  for await (const name of jsm.streams.names()) names.push(name);
  assert.ok(names.some((name) => name.endsWith("ORDER_PARTITIONS")));
  assert.deepEqual(names.filter((name) => !name.includes("shop")), []);
  await nc.close();
});

Deno.test("order with partitions and batch puts one event of a key in a batch, in their order", async () => {
  const batches: { n: number; key: string }[][] = [];
  const collect = defineFunction(
    { on: Asked, order: { by: ({ data }) => data.key, partitions: 2 }, batch: { size: 5, maxWait: "50ms" } },
    (events) => void batches.push(events.map(({ data }) => data)),
  );
  await using server = await startServer();
  await using runtime = await startTestRuntime({ functions: { collect }, server });
  for (let n = 0; n < 60; n++) await runtime.publish(Asked, { n, key: KEYS[n % 10] });
  await eventually(() => new Set(batches.flat().map(({ n }) => n)).size === 60);
  for (const batch of batches) assert.equal(new Set(batch.map(({ key }) => key)).size, batch.length);
  for (const [i, key] of KEYS.entries()) {
    assert.deepEqual(inOrder(batches.flat(), key), Array.from({ length: 6 }, (_, n) => 10 * n + i), key);
  }
});

Deno.test("order with partitions keeps each key in order with a rate", async () => {
  const starts: { n: number; key: string }[] = [];
  const limited = defineFunction(
    { on: Asked, order: { by: ({ data }) => data.key, partitions: 2 }, rate: { limit: 10, per: "1s" } },
    ({ data }) => void starts.push(data),
  );
  await using server = await startServer();
  await using runtime = await startTestRuntime({ functions: { limited }, server });
  for (let n = 0; n < 40; n++) await runtime.publish(Asked, { n, key: KEYS[n % 10] });
  await eventually(() => starts.length === 40);
  for (const [i, key] of KEYS.entries()) {
    assert.deepEqual(inOrder(starts, key), Array.from({ length: 4 }, (_, n) => 10 * n + i), key);
  }
  const { order, rate } = await status(runtime);
  assert.deepEqual([order.partitions, rate.waiting], [[0, 1], 0]);
});

Deno.test("order with partitions keeps each key in order with an adaptive concurrency", async () => {
  const starts: { n: number; key: string }[] = [];
  const adaptive = defineFunction(
    {
      on: Asked,
      order: { by: ({ data }) => data.key, partitions: 2 },
      concurrency: { min: 1, max: 8, target: "50ms" },
    },
    async ({ data }) => {
      starts.push(data);
      await new Promise((resolve) => setTimeout(resolve, data.n % 5));
    },
  );
  await using server = await startServer();
  await using runtime = await startTestRuntime({ functions: { adaptive }, server });
  for (let n = 0; n < 100; n++) await runtime.publish(Asked, { n, key: KEYS[n % 10] });
  await eventually(() => starts.length === 100);
  for (const [i, key] of KEYS.entries()) {
    assert.deepEqual(inOrder(starts, key), Array.from({ length: 10 }, (_, n) => 10 * n + i), key);
  }
});

Deno.test("order with partitions keeps each key in order on a stream that Weir does not own", async () => {
  const starts: { n: number; key: string }[] = [];
  await using server = await startServer();
  const nc = await connectNats({ servers: [server.url], name: "test" }), jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: "THEIRS", subjects: ["their.>"] });
  const foreign = defineFunction(
    {
      on: { pattern: "their.asked", stream: "THEIRS" },
      order: { by: ({ data }) => (data as { key: string }).key, partitions: 2 },
    },
    ({ data }) => void starts.push(data as { n: number; key: string }),
  );
  {
    await using runtime = await startTestRuntime({ functions: { foreign }, server });
    for (let n = 0; n < 60; n++) nc.publish("their.asked", JSON.stringify({ n, key: KEYS[n % 10] }));
    await eventually(() => starts.length === 60);
    await eventually(async () => (await status(runtime)).pending + (await status(runtime)).ackPending === 0);
  }
  for (const [i, key] of KEYS.entries()) {
    assert.deepEqual(inOrder(starts, key), Array.from({ length: 6 }, (_, n) => 10 * n + i), key);
  }
  assert.equal((await jsm.consumers.info("THEIRS", "foreign")).ack_floor.stream_seq, 60);
  await nc.close();
});

Deno.test("order with partitions counts what waits in partitions in the lag, and handles nothing while it is paused", async () => {
  await using weir = await startReplicas(() => {}, { partitions: 2 });
  const replica = await weir.start();
  const nc = await connectNats({ servers: [weir.server.url], name: "test" }), jsm = await jetstreamManager(nc);
  await pauseConsumers(jsm, await allConsumers(jsm, "ordered", NO_NAMESPACE));
  for (let n = 0; n < 20; n++) await replica.publish(Asked, { n, key: KEYS[n % 10] });
  await eventually(async () => (await status(replica)).pausedUntil !== undefined);
  const { pending, ackPending } = await status(replica);
  assert.equal(pending + ackPending, 20);
  assert.deepEqual(weir.starts, []);
  await resumeConsumers(jsm, await allConsumers(jsm, "ordered", NO_NAMESPACE));
  await eventually(() => weir.starts.length === 20);
  await nc.close();
});
