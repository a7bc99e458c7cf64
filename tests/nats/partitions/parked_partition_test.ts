import assert from "node:assert/strict";
import { partitionOf } from "../../../runtime/core/partitions.ts";
import { sha256Hex } from "../../../runtime/core/sha256.ts";
import type { ParkedEvents } from "../../../runtime/engine/parked_events.ts";
import { ParkedPartition } from "../../../runtime/nats/partitions/parked_partition.ts";

/** Keys of partition 0 and 1 of two. */
const [EVEN, ODD] = [0, 1].map((partition) =>
  Array.from({ length: 20 }, (_, i) => sha256Hex(`key ${i}`, 32)).find((key) => partitionOf(key, 2) === partition)!
);

/** The parked events of partition 0. `reads` names what was read, in its order. */
function parked(all: Partial<ParkedEvents>, returned: ReadonlyMap<string, number> = new Map()) {
  const reads: string[] = [];
  const noting = <Result>(name: string, result: Result) => {
    reads.push(name);
    return Promise.resolve(result);
  };
  const store: ParkedEvents = {
    stored: () => noting("all", 3),
    load: () => noting("all", []),
    find: () => noting("all", undefined),
    returning: () => noting("all", 1),
    list: () => Promise.resolve([]),
    sendBack: () => Promise.resolve(),
    ...all,
  };
  const counts = {
    returned: (_: string, partition: number) => {
      assert.equal(partition, 0);
      return noting("partition", returned.size);
    },
    returnedKeys: () => noting("partition", returned),
  };
  return { partition: new ParkedPartition(store, counts, 0, 2), reads };
}

Deno.test("ParkedPartition loads the keys of its partition, and those whose first event has come back to it as returning", async () => {
  const stored = [{ key: EVEN, head: 7, isReturning: false }, { key: ODD, head: 8, isReturning: false }];
  const load = () => Promise.resolve(stored);
  assert.deepEqual(await parked({ load }).partition.load("ship"), [stored[0]]);
  const { partition } = parked({ load }, new Map([[EVEN, 9]]));
  assert.deepEqual(await partition.load("ship"), [{ key: EVEN, head: 9, isReturning: true }]);
});

Deno.test("ParkedPartition counts as returning what no partition has yet, and what came back to its own", async () => {
  const { partition, reads } = parked({}, new Map([[EVEN, 9]]));
  assert.equal(await partition.returning("ship"), 2);
  assert.deepEqual(reads, ["all", "partition"]);
});
