import assert from "node:assert/strict";
import fc from "fast-check";
import { Halving } from "../../runtime/core/halving.ts";

/** Runs a batch of `count` items of which some fail. Returns the runs, the items that failed alone, and the rest. */
function search(count: number, isAtFault: (item: number) => boolean) {
  const halving = new Halving<number, string>(Array.from({ length: count }, (_, item) => item));
  const runs: string[] = [], alone: number[] = [], succeeded: number[] = [];
  for (let part = halving.next(); part; part = halving.next()) {
    runs.push(part.length === 1 ? `${part[0]}` : `${part[0]}-${part.at(-1)}`);
    if (!part.some(isAtFault)) {
      halving.succeeded();
      succeeded.push(...part);
    } else {
      halving.failed(part, runs.at(-1)!);
      if (part.length === 1) alone.push(part[0]);
    }
  }
  return { runs, alone, succeeded, rest: halving.rest() };
}

const searches: [what: string, count: number, atFault: readonly number[], runs: string][] = [
  ["a batch without a fault once", 8, [], "0-7"],
  ["one item of one", 1, [0], "0"],
  ["the first of eight", 8, [0], "0-7 0-3 0-1 0 1 2-3 4-7"],
  ["the last of eight", 8, [7], "0-7 0-3 4-7 4-5 6-7 6 7"],
  ["two apart", 8, [1, 6], "0-7 0-3 0-1 0 1 2-3 4-7 4-5 6-7 6 7"],
  ["an odd number", 5, [3], "0-4 0-2 3-4 3 4"],
  ["both of two", 2, [0, 1], "0-1 0 1"],
];

for (const [what, count, atFault, runs] of searches) {
  Deno.test(`Halving finds ${what}`, () => {
    const found = search(count, (item) => atFault.includes(item));
    assert.equal(found.runs.join(" "), runs);
    assert.deepEqual([found.alone, found.rest], [atFault, []]);
  });
}

Deno.test("Halving finds one item at fault, wherever it is among however many", () => {
  for (let count = 1; count < 70; count++) {
    for (let atFault = 0; atFault < count; atFault++) {
      const { alone, rest } = search(count, (item) => item === atFault);
      assert.deepEqual([alone, rest], [[atFault], []], `${atFault} of ${count}`);
    }
  }
});

Deno.test("Halving ends when no part succeeds, and returns the rest with the failure of the part that it was in", () => {
  const { runs, alone, rest } = search(8, () => true);
  assert.equal(runs.join(" "), "0-7 0-3 0-1 0 1 2-3 2");
  assert.deepEqual(alone, [0, 1, 2]);
  assert.deepEqual(rest.sort(), [[3, "2-3"], [4, "0-7"], [5, "0-7"], [6, "0-7"], [7, "0-7"]]);
});

Deno.test("Halving takes no more runs than it says for a batch of 500 of which one in a hundred is at fault", () => {
  const bound = Math.ceil(2 * 5 * Math.log2(100) + 10);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 10, max: 499 }), { minLength: 5, maxLength: 5 }), (atFault) => {
      const { runs, alone } = search(500, (item) => atFault.includes(item));
      assert.deepEqual(alone, atFault.toSorted((a, b) => a - b));
      assert.ok(runs.length <= bound, `${runs.length} runs`);
    }),
  );
});

Deno.test("Halving gives every item one end: it succeeds, fails alone, or is in the rest", () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (faults) => {
    const { alone, succeeded, rest } = search(faults.length, (item) => faults[item]);
    const ends = [...alone, ...succeeded, ...rest.map(([item]) => item)].sort((a, b) => a - b);
    assert.deepEqual(ends, faults.map((_, item) => item));
    assert.ok(alone.every((item) => faults[item]) && succeeded.every((item) => !faults[item]));
  }));
});
