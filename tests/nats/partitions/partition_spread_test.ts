import assert from "node:assert/strict";
import { PartitionSpread } from "../../../runtime/nats/partitions/partition_spread.ts";

/** A process with these other ones, and the partitions that it holds, each with its events. */
function processWith(
  { others, held, able = true }: { others: string[]; held: Record<number, number>; able?: boolean },
) {
  const handedOver: number[] = [];
  let isAble = () => true, tick = () => {};
  const members = {
    id: "m",
    others,
    start: (given: () => boolean, announced: () => void) => {
      isAble = given;
      tick = announced;
    },
    stop: () => {},
  };
  const spread = new PartitionSpread(4, members, (partition) => held[partition]);
  const sources = [0, 1, 2, 3].map((i) => ({
    get isHolder() {
      return i in held;
    },
    isSteppingDown: i === 3 && others.includes("of another release"),
    handOver: () => {
      delete held[i];
      handedOver.push(i);
    },
  }));
  spread.start(sources, () => able);
  return { spread, handedOver, tick: () => tick(), isAble: () => isAble() };
}

const CASES: readonly (readonly [title: string, others: string[], held: Record<number, number>, mayTake: boolean])[] = [
  ["asks for all alone", [], { 0: 1, 1: 1, 2: 1 }, true],
  ["asks for more below its share", ["z"], { 2: 1 }, true],
  ["asks for none with its share", ["z"], { 1: 1, 2: 1 }, false],
];
for (const [title, others, held, mayTake] of CASES) {
  Deno.test(`PartitionSpread ${title}, and hands over nothing`, () => {
    const { spread, tick, handedOver } = processWith({ others, held });
    assert.equal(spread.mayTake(), mayTake);
    tick();
    assert.deepEqual(handedOver, []);
  });
}

Deno.test("PartitionSpread hands over one partition each second while it holds more than its share, that with the fewest events first", () => {
  const { tick, handedOver } = processWith({ others: ["z"], held: { 0: 5, 1: 9, 2: 3, 3: 7 } });
  tick();
  assert.deepEqual(handedOver, [2]);
  tick();
  tick();
  assert.deepEqual(handedOver, [2, 0]);
});

Deno.test("PartitionSpread counts no process that takes no events, and none that leaves events to another release", () => {
  assert.equal(processWith({ others: [], held: {} }).isAble(), true);
  assert.equal(processWith({ others: [], held: {}, able: false }).isAble(), false);
  assert.equal(processWith({ others: ["of another release"], held: {} }).isAble(), false);
});
