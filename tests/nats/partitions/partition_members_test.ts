import assert from "node:assert/strict";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { EXPIRES_MS, PartitionMembers } from "../../../runtime/nats/partitions/partition_members.ts";
import { eventually } from "../../support/eventually.ts";
import { startBroker } from "../../support/nats.ts";

Deno.test("PartitionMembers know each other once one joins, and forget one that leaves, takes no events, or falls silent", async () => {
  await using broker = await startBroker();
  let nowMs = 0, takesEvents = true;
  const clock = { ...systemClock, now: () => nowMs };
  const start = async (id: string, isAble = () => true, timer = clock.timer) => {
    const members = new PartitionMembers(await broker.connect(), "$WEIR.members.ship", { ...clock, timer }, id);
    members.start(isAble, () => {});
    broker.defer(() => members.stop());
    return members;
  };
  const a = await start("a", () => takesEvents), b = await start("b", undefined, () => () => {});
  await eventually(() => a.others.length === 1 && b.others.length === 1); // b has announced itself once
  const c = await start("c");
  await eventually(() => c.others.length === 2 && a.others.length === 2);
  assert.deepEqual([a.others.sort(), c.others.sort()], [["b", "c"], ["a", "b"]]);
  takesEvents = false;
  await eventually(() => c.others.join() === "b");
  c.stop();
  await eventually(() => a.others.join() === "b");
  nowMs = EXPIRES_MS;
  assert.deepEqual(a.others, []);
});
