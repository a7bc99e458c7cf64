import assert from "node:assert/strict";
import { didYouMean, editDistance, nearest } from "../../runtime/core/did_you_mean.ts";

const TYPES = ["orders.created", "orders.confirmed", "payments.captured"];
const rows: [word: string, candidates: string[], meant: string | undefined][] = [
  ["orders.creatd", TYPES, "orders.created"],
  ["order.created", TYPES, "orders.created"],
  ["Orders.Created", TYPES, "orders.created"],
  ["orders.craeted", TYPES, "orders.created"],
  ["orders.shipped", TYPES, undefined],
  ["legacy.>", TYPES, undefined],
  ["tymeout", ["timeout", "retry"], "timeout"],
  ["on", ["retry", "emits"], undefined],
  ["a", ["b"], undefined],
  ["", ["b"], undefined],
  ["wier", ["weir", "zod"], "weir"],
  ["anything", [], undefined],
];
for (const [word, candidates, meant] of rows) {
  Deno.test(`of ${JSON.stringify(candidates)}, ${JSON.stringify(word)} means ${JSON.stringify(meant)}`, () => {
    assert.equal(nearest(word, candidates), meant);
  });
}

Deno.test("of two that are as near the first is meant", () => assert.equal(nearest("cat", ["bat", "rat"]), "bat"));

Deno.test("what was meant is asked for, and nothing is where nothing is near", () => {
  assert.equal(didYouMean("tymeout", ["timeout"]), ': did you mean "timeout"?');
  assert.equal(didYouMean("speed", ["timeout"]), "");
});

for (
  const [a, b, distance] of [
    ["", "", 0],
    ["abc", "abc", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["abc", "axc", 1],
    ["abc", "acb", 1],
    ["kitten", "sitting", 3],
  ] as const
) {
  Deno.test(`"${a}" is ${distance} away from "${b}"`, () => {
    assert.equal(editDistance(a, b), distance);
    assert.equal(editDistance(b, a), distance);
  });
}
