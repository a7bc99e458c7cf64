import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { eventually } from "../support/eventually.ts";
import { Asked, inOrder, startReplicas } from "./ordered_replicas.ts";

/** How long it is watched, in milliseconds, that no event begins too early. */
const WATCHED_MS = 2_000;
const KEYS = Array.from({ length: 20 }, (_, i) => `key ${i}`);

Deno.test("order with partitions keeps each key in order while two releases run of which each has another number of them", async () => {
  const gate = Promise.withResolvers<void>();
  await using weir = await startReplicas(() => gate.promise, { timeout: "10m" });
  const first = await weir.start({ partitions: 2 });
  const nc = await connectNats({ servers: [weir.server.url], name: "test" }), jsm = await jetstreamManager(nc);
  let published = 0;
  const publish = async () => {
    for (const to = published + 40; published < to; published++) {
      await first.publish(Asked, { n: published, key: KEYS[published % KEYS.length] });
    }
  };
  await publish();
  await eventually(async () => (await jsm.streams.info("ORDER_PARTITIONS")).state.messages === published);
  // What the second one writes if it has read the consumers before the first one pulled.
  const stream = await jsm.streams.find(Asked.type);
  for (const name of [stream, "RETRIES"]) {
    const { config: { metadata } } = await jsm.consumers.info(name, "ordered");
    await jsm.consumers.update(name, "ordered", { metadata: { ...metadata, "weir-partitions": "4" } });
  }
  await weir.start({ partitions: 4 });
  // The first one notices the other number, and pulls no more: the second one receives the events.
  await eventually(async () => {
    const health = await (await fetch(`${first.adminUrl}/health`)).text();
    return health.includes("4 partitions");
  });
  await jsm.consumers.unpin(stream, "ordered", "order"); // ends the pull that the first one still has under way
  await publish();
  // An earlier pull of the first one may still receive some of them.
  await eventually(async () => {
    const { state } = await jsm.streams.info("ORDER_PARTITIONS");
    const { num_ack_pending, num_pending } = await jsm.consumers.info(stream, "ordered");
    return num_pending === 0 && num_ack_pending + state.messages === published;
  });
  const assigned = await jsm.streams.info("ORDER_PARTITIONS", { subjects_filter: "order_partitions.ordered.4.>" });
  assert.deepEqual(assigned.state.subjects ?? {}, {});
  await eventually(() => weir.starts.some(({ n }) => n >= 40), { within: WATCHED_MS }).catch(() => {});
  assert.deepEqual(weir.starts.filter(({ n }) => n >= 40), []);
  gate.resolve();
  await first[Symbol.asyncDispose]();
  await eventually(() => new Set(weir.starts.map(({ n }) => n)).size === published);
  assert.deepEqual(weir.atOnce, []);
  for (const key of KEYS) {
    const numbers = inOrder(weir.starts, key);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), key);
  }
  await nc.close();
});
