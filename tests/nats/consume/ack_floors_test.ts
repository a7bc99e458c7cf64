import assert from "node:assert/strict";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { AckFloors } from "../../../runtime/nats/consume/ack_floors.ts";
import type { AckFloor } from "../../../runtime/nats/topology/resources.ts";
import { ensureTopology } from "../../../runtime/nats/topology/ensure_topology.ts";
import type { Broker } from "../../support/nats.ts";
import { desired } from "../../support/desired.ts";
import { eventually } from "../../support/eventually.ts";
import { startSettling } from "../../support/settling.ts";

const HANDLE = { functionName: "handle", stream: "ORDERS", filters: ["orders.>"] };

/** Creates the consumer again. Returns how many events wait for it. */
async function waitingFor({ jsm }: Broker, floor: AckFloor | undefined): Promise<number> {
  const [made] = await ensureTopology(jsm, desired([], [HANDLE], { floorOf: () => floor }));
  return made.waiting;
}

Deno.test("AckFloors has a consumer that is created again begin after its ack floor", async () => {
  await using orders = await startSettling();
  await orders.publish(5);
  const deliveries = [];
  for (let i = 0; i < 5; i++) deliveries.push(await orders.next());
  for (const sequence of [1, 2, 4]) {
    const delivery = deliveries.find((one) => one.sequence === sequence)!;
    await orders.settler.settle("handle", delivery, { kind: "ack" });
  }
  await eventually(async () => (await orders.consumer()).num_ack_pending === 2);
  const floors = new AckFloors(orders.jsm, [HANDLE], systemClock);
  assert.equal(floors.of(HANDLE), undefined);
  await floors.read();
  assert.equal(floors.of(HANDLE)?.settledUpTo, 2);

  await orders.jsm.consumers.delete("ORDERS", "handle");
  await floors.read(); // it cannot be read now, and stays what it was
  assert.equal(await waitingFor(orders, floors.of(HANDLE)), 3);
});

Deno.test("AckFloors of an earlier stream of that name do not count", async () => {
  await using orders = await startSettling();
  await orders.publish(3);
  await orders.jsm.consumers.delete("ORDERS", "handle");
  const floor = { settledUpTo: 2, streamCreated: "2020-01-01T00:00:00Z" };
  assert.equal(await waitingFor(orders, floor), 3);
});
