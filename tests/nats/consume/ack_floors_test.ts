import assert from "node:assert/strict";
import { join } from "node:path";
import { AckFloors } from "../../../runtime/nats/consume/ack_floors.ts";
import { ensureTopology } from "../../../runtime/nats/topology/ensure_topology.ts";
import { readTopology } from "../../../runtime/nats/topology/plan.ts";
import type { DesiredState } from "../../../runtime/nats/topology/resources.ts";
import { desired } from "../../support/desired.ts";
import { eventually } from "../../support/eventually.ts";
import type { Broker } from "../../support/nats.ts";
import { type Orders, startOrders } from "../../support/orders.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const HANDLE = { functionName: "handle", consumer: "handle", stream: "ORDERS", filters: ["orders.>"] };
const STREAM = { name: "ORDERS", subjects: ["orders.>"] };

/** Returns ack floors, and the desired state of `handle` that uses them. */
function remember({ jsm }: Broker) {
  const floors = new AckFloors(jsm);
  const state: DesiredState = desired([STREAM], [HANDLE], {
    floorOf: (durable, stream) => floors.settledUpTo(durable, stream),
  });
  return { state, record: async () => floors.record(await readTopology(jsm, state)) };
}

/** Acks the events with these sequences, of the first `count`. */
async function settle({ jsm, nc }: Broker, count: number, sequences: readonly number[]): Promise<void> {
  const consumer = await jsm.jetstream().consumers.get("ORDERS", "handle");
  for await (const message of await consumer.fetch({ max_messages: count, expires: 5_000 })) {
    if (sequences.includes(message.seq)) message.ack();
  }
  await nc.flush();
}

/** Returns the sequences of all events that wait for the consumer. */
async function waiting({ jsm }: Broker): Promise<number[]> {
  const { num_pending } = await jsm.consumers.info("ORDERS", "handle"), sequences: number[] = [];
  if (num_pending === 0) return sequences;
  const consumer = await jsm.jetstream().consumers.get("ORDERS", "handle");
  for await (const { seq } of await consumer.fetch({ max_messages: num_pending, expires: 5_000 })) sequences.push(seq);
  return sequences;
}

Deno.test("[G7] AckFloors has a consumer that is created again begin after its ack floor", async () => {
  await using orders = await startOrders();
  await orders.publish(5);
  const { state, record } = remember(orders);
  await settle(orders, 5, [1, 2, 4]);
  await eventually(async () => (await orders.consumer()).num_ack_pending === 2);
  await record();
  await orders.publish(2); // the stream goes on

  await orders.jsm.consumers.delete("ORDERS", "handle");
  await record(); // nothing is found now, and the floor stays what it was
  await ensureTopology(orders.jsm, state);
  assert.deepEqual(await waiting(orders), [3, 4, 5, 6, 7]);
});

/** Replaces the stream's files by those of an earlier time, without its consumer, as a lost disk or a backup would. */
async function loseEnd(orders: Orders, kept: number, settled: number): Promise<void> {
  const files = join(orders.server.storeDir, "jetstream", "$G", "streams", "ORDERS");
  await orders.publish(kept);
  await eventually(async () => (await orders.jsm.streams.info("ORDERS")).state.messages === kept);
  await orders.server.stop();
  await new Deno.Command("cp", { args: ["-r", files, `${files}.backup`] }).output();
  await Deno.rename(`${files}.backup`, join(orders.server.storeDir, "backup"));
  await orders.server.restart();
  await eventually(async () => (await orders.consumer()).num_pending === kept);
  await orders.publish(settled - kept);
  const all = Array.from({ length: settled }, (_, i) => i + 1);
  await settle(orders, settled, all);
  await eventually(async () => (await orders.consumer()).ack_floor.stream_seq === settled);
}

async function restoreEarlier({ server }: Orders): Promise<void> {
  const files = join(server.storeDir, "jetstream", "$G", "streams", "ORDERS");
  await server.stop();
  await Deno.remove(files, { recursive: true });
  await Deno.rename(join(server.storeDir, "backup"), files);
  await Deno.remove(join(files, "obs", "handle"), { recursive: true });
  await server.restart();
}

for (
  const [what, since, expected] of [
    ["is shorter than the ack floor", 2, [1, 2, 3, 4, 5]],
    ["has passed the ack floor again", 6, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ] as const
) {
  Deno.test(`[G7] AckFloors skips no event of a stream that lost its end and ${what}`, async () => {
    await using store = await temporaryDirectory();
    await using orders = await startOrders({ storeDir: store.path });
    const { state, record } = remember(orders);
    await loseEnd(orders, 3, 7);
    await record();
    await restoreEarlier(orders);
    await eventually(() => orders.jsm.streams.info("ORDERS").then(() => true, () => false));
    await orders.publish(since);
    await ensureTopology(orders.jsm, state);
    assert.deepEqual(await waiting(orders), expected);
  });
}

Deno.test("AckFloors of an earlier stream of that name do not count", async () => {
  await using orders = await startOrders();
  const { state, record } = remember(orders);
  await orders.publish(3);
  await settle(orders, 3, [1, 2, 3]);
  await eventually(async () => (await orders.consumer()).ack_floor.stream_seq === 3);
  await record();
  await orders.jsm.streams.delete("ORDERS");
  await orders.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  await orders.publish(3);
  await ensureTopology(orders.jsm, state);
  assert.deepEqual(await waiting(orders), [1, 2, 3]);
});
