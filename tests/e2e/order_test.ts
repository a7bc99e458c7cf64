import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { NonRetryableError } from "weir";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { cancelEvent } from "../../runtime/nats/retry/cancelled_events.ts";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";
import { Asked, failingTwice, inOrder, startReplicas, status } from "./ordered_replicas.ts";

Deno.test("[G24][G25] order keeps each key in order and one at a time over two replicas, with failing events, and when one stops", async () => {
  await using weir = await startReplicas(failingTwice());
  const first = await weir.start(), second = await weir.start();
  const keys = Array.from({ length: 12 }, (_, i) => `key ${i}`);
  const publish = async (from: number, to: number, by: typeof first) => {
    for (let n = from; n < to; n++) await by.publish(Asked, { n, key: keys[n % keys.length] });
  };
  await publish(0, 300, first);
  const holder = await eventually(async () => {
    for (const replica of [first, second]) if ((await status(replica)).order.state === "holder") return replica;
  });
  const other = holder === first ? second : first;
  const stopping = holder[Symbol.asyncDispose]();
  await publish(300, 500, other);
  await stopping;
  await eventually(() => new Set(weir.starts.map(({ n }) => n)).size === 500);
  await eventually(async () => (await status(other)).ackPending === 0 && (await status(other)).pending === 0);
  assert.deepEqual(weir.atOnce, []);
  for (const key of keys) {
    const numbers = inOrder(weir.starts, key);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), key);
  }
});

/** Returns the dead letters as `reason number`, in the order in which they were stored. */
async function letters({ adminUrl }: { adminUrl: string }): Promise<{ sequence: number; text: string }[]> {
  const list = await (await fetch(`${adminUrl}/dead-letters`)).json() as { sequence: number; reason: string }[];
  return await Promise.all(list.map(async ({ sequence, reason }) => {
    const { data } = await (await fetch(`${adminUrl}/dead-letters/${sequence}`)).json();
    return { sequence, text: `${reason} ${data.n}` };
  }));
}

/** Replicas of a function that parks, with three events of a parked key and one of another. */
async function startParked(partitions?: number) {
  const down = new Set([0]);
  const weir = await startReplicas(({ n }) => {
    if (down.has(n)) throw new Error("down");
  }, { onFailure: "park", partitions, retry: { attempts: 2, initial: "10ms" } });
  const first = await weir.start();
  for (const n of [0, 1, 2]) await first.publish(Asked, { n, key: "bad" });
  await first.publish(Asked, { n: 3, key: "good" });
  await eventually(async () => (await letters(first)).length === 3 && weir.starts.some(({ n }) => n === 3));
  const numbers = () => inOrder(weir.starts, "bad");
  const act = (replica: typeof first, path: string, method: string) =>
    fetch(`${replica.adminUrl}/dead-letters/${path}`, { method });
  return { ...weir, weir, down, first, numbers, act, [Symbol.asyncDispose]: () => weir[Symbol.asyncDispose]() };
}

for (const partitions of [undefined, 4]) {
  const also = partitions ? ", with partitions" : "";
  Deno.test(`[G26] order blocks the key of an event whose attempts are used up, and other keys go on${also}`, async () => {
    let isDown = true;
    await using weir = await startReplicas(({ n }) => {
      if (n === 0 && isDown) throw new Error("down");
    }, { partitions, retry: { attempts: 2, initial: "20ms", max: "100ms" } });
    const replica = await weir.start();
    for (const n of [0, 1, 2]) await replica.publish(Asked, { n, key: "bad" });
    for (const n of [3, 4]) await replica.publish(Asked, { n, key: "good" });
    await eventually(() => weir.starts.filter(({ n }) => n === 0).length > 4);
    await eventually(() => weir.starts.some(({ n }) => n === 4));
    assert.deepEqual(weir.starts.filter(({ key }) => key === "bad").map(({ n }) => n).filter((n) => n > 0), []);
    await eventually(async () => (await status(replica)).order.blockedKeys === 1);
    const { order: found, policy } = await status(replica);
    assert.deepEqual([found.state, policy.order], ["holder", {
      by: "its own",
      onFailure: "block",
      ...(partitions && { partitions }),
    }]);
    assert.ok(found.waiting >= 2);
    const page = await (await fetch(`${replica.adminUrl}/metrics`)).text();
    assert.equal(valueOf(page, "weir_function_order_holder", { function: "ordered" }), 1);
    isDown = false;
    await eventually(() => weir.starts.some(({ n }) => n === 2));
    assert.deepEqual(inOrder(weir.starts, "bad"), [0, 1, 2]);
  });

  Deno.test(`[G26] order goes on with a blocked key once its first event is cancelled${also}`, async () => {
    await using weir = await startReplicas(({ n }) => {
      if (n === 0) throw new Error("down");
    }, { partitions, retry: { attempts: 1, initial: "20ms", max: "50ms" } });
    const replica = await weir.start();
    const { sequence } = await replica.publish(Asked, { n: 0, key: "a" });
    await replica.publish(Asked, { n: 1, key: "a" });
    await eventually(() => weir.starts.length > 2);
    const nc = await connectNats({ servers: [weir.server.url], name: "test" });
    await cancelEvent(await jetstreamManager(nc), { name: "ordered", stream_name: "RETRIES" }, "DEMO", sequence);
    await eventually(() => weir.starts.some(({ n }) => n === 1));
    assert.ok(
      replica.settled.some(({ outcome }) => outcome.kind === "dead-letter" && outcome.reason === "cancelled"),
    );
    await nc.close();
  });

  Deno.test(`[G25] order runs a redriven event beside no other of its key${also}`, async () => {
    let isMended = false;
    const gate = Promise.withResolvers<void>();
    await using weir = await startReplicas(async ({ n }) => {
      if (n === 0 && !isMended) throw new NonRetryableError("bad");
      if (n === 1) await gate.promise;
    }, { onFailure: "dead-letter", partitions });
    const replica = await weir.start();
    await replica.publish(Asked, { n: 0, key: "a" });
    await eventually(() => replica.settled.some(({ outcome }) => outcome.kind === "dead-letter"));
    await replica.publish(Asked, { n: 1, key: "a" });
    await eventually(() => weir.starts.some(({ n }) => n === 1));
    isMended = true;
    await (await fetch(`${replica.adminUrl}/dead-letters/redrive`, { method: "POST" })).body?.cancel();
    await eventually(async () => (await status(replica)).order.waiting === 1);
    assert.deepEqual(weir.starts.map(({ n }) => n), [0, 1]);
    gate.resolve();
    await eventually(() => weir.starts.length === 3);
    assert.deepEqual([weir.starts[2].n, weir.atOnce], [0, []]);
  });

  Deno.test(`[G27] order parks a key, and its events return in order once the first is redriven, also after a restart${also}`, async () => {
    await using parked = await startParked(partitions);
    const { first, weir, down, numbers, act } = parked;
    assert.deepEqual((await letters(first)).map(({ text }) => text), ["attempts-exhausted 0", "parked 1", "parked 2"]);
    assert.deepEqual(numbers(), [0]);
    assert.equal((await status(first)).order.parkedKeys, 1);
    const page = await (await fetch(`${first.adminUrl}/metrics`)).text();
    assert.equal(valueOf(page, "weir_function_order_parked_keys", { function: "ordered" }), 1);
    const second = await weir.start();
    await first[Symbol.asyncDispose]();
    await second.publish(Asked, { n: 4, key: "bad" });
    await eventually(async () => (await letters(second)).some(({ text }) => text === "parked 4"));
    const [head, next] = await letters(second);
    const refused = await act(second, `${next.sequence}/redrive`, "POST");
    assert.equal(refused.status, 409);
    assert.match((await refused.json()).detail, /waits for an earlier event of its key/);
    down.clear();
    await (await act(second, `${head.sequence}/redrive`, "POST")).body?.cancel();
    await eventually(() => numbers().includes(4));
    assert.deepEqual(numbers(), [0, 1, 2, 4]);
    await eventually(async () => (await status(second)).order.parkedKeys === 0);
    await second.publish(Asked, { n: 5, key: "bad" });
    await eventually(() => numbers().includes(5));
    assert.deepEqual([await letters(second), weir.atOnce], [[], []]);
  });

  Deno.test(`[G27] order parks a key again behind a parked event that fails, and goes on once it is discarded${also}`, async () => {
    await using parked = await startParked(partitions);
    const { first, weir, down, numbers, act } = parked;
    down.delete(0);
    down.add(1);
    await (await act(first, "redrive", "POST")).body?.cancel();
    await eventually(async () => (await letters(first)).some(({ text }) => text === "attempts-exhausted 1"));
    await first.publish(Asked, { n: 4, key: "bad" });
    await eventually(async () => (await letters(first)).length === 3);
    const stored = await letters(first), head = stored.find(({ text }) => text === "attempts-exhausted 1")!;
    assert.deepEqual(stored.map(({ text }) => text).sort(), ["attempts-exhausted 1", "parked 2", "parked 4"]);
    assert.deepEqual(numbers(), [0, 1]);
    await first[Symbol.asyncDispose]();
    const second = await weir.start(); // nothing arrives that would make it look
    await (await act(second, String(head.sequence), "DELETE")).body?.cancel();
    await eventually(() => numbers().includes(4));
    assert.deepEqual(numbers(), [0, 1, 2, 4]);
    await eventually(async () => (await letters(second)).length === 0);
  });
}
