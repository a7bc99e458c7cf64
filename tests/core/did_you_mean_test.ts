import assert from "node:assert/strict";
import { didYouMean, nearest } from "../../runtime/core/did_you_mean.ts";
import { takesAtMost } from "../support/cpu_time.ts";

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
  ["tmieout", ["timeout", "retry"], "timeout"],
  ["retry_", ["timeout", "retry"], "retry"],
  ["etry", ["timeout", "retry"], "retry"],
  ["anything", [], undefined],
];
for (const [word, candidates, meant] of rows) {
  Deno.test(`nearest to ${JSON.stringify(word)} of ${JSON.stringify(candidates)} is ${JSON.stringify(meant)}`, () => {
    assert.equal(nearest(word, candidates), meant);
  });
}

Deno.test("nearest returns no candidate with more edits than are allowed", () => {
  assert.equal(nearest("kitten", ["sitting"], 3), "sitting");
  assert.equal(nearest("kitten", ["sitting"], 2), undefined);
});

Deno.test("nearest returns the first of two equally near candidates", () =>
  assert.equal(nearest("cat", ["bat", "rat"]), "bat"));

Deno.test("didYouMean names the near candidate, or is empty", () => {
  assert.equal(didYouMean("tymeout", ["timeout"]), ': did you mean "timeout"?');
  assert.equal(didYouMean("speed", ["timeout"]), "");
});

Deno.test("nearest does not compare a word of a megabyte with short candidates", () => {
  const word = "orders".repeat(200_000), candidates = Array.from({ length: 1_000 }, (_, i) => `orders.created${i}`);
  assert.equal(takesAtMost(1_000, () => nearest(word, candidates, 1_000)), undefined);
});
