import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { Asked, inOrder, startReplicas } from "./ordered_replicas.ts";

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
