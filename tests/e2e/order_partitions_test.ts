import assert from "node:assert/strict";
import type { startTestRuntime } from "weir/testing";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { eventually } from "../support/eventually.ts";
import { Asked, type Data, failingTwice, inOrder, startReplicas, status } from "./ordered_replicas.ts";

type Replica = Awaited<ReturnType<typeof startTestRuntime>>;

/** Returns the partitions that each replica holds. */
async function heldBy(replicas: readonly Replica[]): Promise<number[][]> {
  return await Promise.all(replicas.map(async (replica) => (await status(replica)).order.partitions));
}

Deno.test("[G24][G25] order with partitions keeps each key in order and one at a time over three replicas, with failing events, and when one stops", async () => {
  await using weir = await startReplicas(failingTwice(), { partitions: 4 });
  const replicas = [await weir.start(), await weir.start(), await weir.start()], [first] = replicas;
  const keys = Array.from({ length: 40 }, (_, i) => `key ${i}`);
  let published = 0;
  const publish = async (count: number) => {
    for (const to = published + count; published < to; published++) {
      await first.publish(Asked, { n: published, key: keys[published % keys.length] });
    }
  };
  await publish(300);
  await eventually(async () => {
    await publish(20);
    const held = await heldBy(replicas);
    return held.flat().length === 4 && held.every(({ length }) => length > 0);
  });
  const stopping = replicas[2][Symbol.asyncDispose]();
  await publish(200);
  await stopping;
  await eventually(() => new Set(weir.starts.map(({ n }) => n)).size === published);
  await eventually(async () => (await status(first)).ackPending === 0 && (await status(first)).pending === 0);
  assert.deepEqual(weir.atOnce, []);
  for (const key of keys) {
    const numbers = inOrder(weir.starts, key);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), key);
  }
});

Deno.test("order with partitions gives a replica that joins its share, and both go on", async () => {
  await using weir = await startReplicas(() => {}, { partitions: 4 });
  const first = await weir.start();
  let published = 0;
  const publish = async (count: number) => {
    for (const to = published + count; published < to; published++) {
      await first.publish(Asked, { n: published, key: `key ${published % 20}` });
    }
  };
  await eventually(async () => {
    await publish(20);
    return (await heldBy([first])).flat().length === 4;
  });
  const second = await weir.start();
  await eventually(async () => {
    await publish(20);
    return (await heldBy([first, second])).every(({ length }) => length === 2);
  });
  await eventually(() => new Set(weir.starts.map(({ n }) => n)).size === published);
  assert.deepEqual(weir.atOnce, []);
});

Deno.test("order with partitions leaves what a full partition does not take in its stream, and handles it in order", async () => {
  const gate = Promise.withResolvers<void>();
  await using weir = await startReplicas(() => gate.promise, { partitions: 2 });
  const replica = await weir.start();
  const nc = await connectNats({ servers: [weir.server.url], name: "test" }), jsm = await jetstreamManager(nc);
  await jsm.streams.update("ORDER_PARTITIONS", { max_msgs_per_subject: 3 });
  for (let n = 0; n < 48; n++) await replica.publish(Asked, { n, key: `key ${n % 8}` });
  const stored = async () => (await jsm.streams.info("ORDER_PARTITIONS")).state.messages;
  await eventually(async () => await stored() === 6);
  await eventually(async () => {
    const { pending, ackPending } = await status(replica);
    return pending + ackPending === 48; // none is counted twice, and none is missing
  });
  gate.resolve();
  await eventually(() => weir.starts.length === 48);
  for (let key = 0; key < 8; key++) {
    assert.deepEqual(inOrder(weir.starts, `key ${key}`), Array.from({ length: 6 }, (_, i) => 8 * i + key));
  }
  await eventually(async () => await stored() === 0);
  await nc.close();
});

Deno.test("order with partitions handles each event once while two releases have different keys", async () => {
  await using weir = await startReplicas(() => {}, { partitions: 4 });
  const [first] = [await weir.start(), await weir.start({ by: ({ data }) => `other ${(data as Data).n}` })];
  for (let n = 0; n < 300; n++) await first.publish(Asked, { n, key: `key ${n % 20}` });
  await eventually(() => weir.starts.length >= 300);
  await eventually(async () => (await status(first)).pending === 0 && (await status(first)).ackPending === 0);
  assert.deepEqual(weir.starts.map(({ n }) => n).toSorted((a, b) => a - b), Array.from({ length: 300 }, (_, n) => n));
});

Deno.test("start refuses another number of partitions while a process of the release before runs", async () => {
  await using weir = await startReplicas(() => {});
  const first = await weir.start();
  await first.publish(Asked, { n: 0, key: "a" });
  await eventually(() => weir.starts.length === 1);
  await assert.rejects(
    weir.start({ partitions: 2 }),
    /has no partitions, and 2 partitions are declared.*stop all processes/s,
  );
  await first[Symbol.asyncDispose]();
  const second = await weir.start({ partitions: 2 });
  await assert.rejects(weir.start(), /has 2 partitions, and no partitions are declared.*stop all processes/s);
  await second.publish(Asked, { n: 1, key: "a" });
  await eventually(() => weir.starts.length === 2);
});
