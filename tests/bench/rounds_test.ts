import assert from "node:assert/strict";
import { interleave, ratioOf, spreadOf, spreadOfAll } from "./rounds.ts";

Deno.test("spreadOf returns the median, the least and the most value", () => {
  assert.deepEqual(spreadOf([5, 100, 7]), { median: 7, least: 5, most: 100 });
  assert.deepEqual(spreadOf([4, 2]), { median: 3, least: 2, most: 4 });
  assert.throws(() => spreadOf([]), RangeError);
});

Deno.test("spreadOfAll returns undefined if a round has no value", () => {
  assert.equal(spreadOfAll([1, undefined, 3]), undefined);
  assert.equal(spreadOfAll([]), undefined);
  assert.deepEqual(spreadOfAll([1, 3]), { median: 2, least: 1, most: 3 });
});

Deno.test("ratioOf divides round by round, so that a slow round cancels out", () => {
  assert.deepEqual(ratioOf([20, 2, 200], [10, 1, 100]), { median: 2, least: 2, most: 2 });
});

Deno.test("interleave runs every turn in each round, and begins each round with another", async () => {
  const order: string[] = [];
  const turns = ["a", "b", "c"].map((name) => ({
    name,
    run: (round: number) => {
      order.push(name + round);
      return Promise.resolve(round);
    },
  }));
  const results = await interleave(3, turns, () => {});
  assert.equal(order.join(" "), "a0 b0 c0 b1 c1 a1 c2 a2 b2");
  assert.deepEqual([...results], [["a", [0, 1, 2]], ["b", [0, 1, 2]], ["c", [0, 1, 2]]]);
});
