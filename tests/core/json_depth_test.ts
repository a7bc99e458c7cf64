import assert from "node:assert/strict";
import fc from "fast-check";
import { isNestedDeeper } from "../../runtime/core/json_depth.ts";

const wrapped = (levels: number, inner: string) => "[".repeat(levels) + inner + "]".repeat(levels);
const rows: [json: string, levels: number, isDeeper: boolean][] = [
  ["1", 0, false],
  ["[]", 0, true],
  ["[[]]", 1, true],
  ["[[],[],{}]", 2, false],
  ['{"a":{"b":{}}}', 2, true],
  ['{"a":{"b":{}}}', 3, false],
  ['["[[[[[["]', 1, false],
  ['["a\\"[[[["]', 1, false],
  ['["a\\\\",[["b"]]]', 2, true],
  ['["a\\\\\\"[[[",[]]', 2, false],
  [wrapped(500, '"x"'), 500, false],
  [wrapped(501, ""), 500, true],
  [wrapped(400_000, ""), 500, true],
];
for (const [json, levels, isDeeper] of rows) {
  Deno.test(`isNestedDeeper tells whether ${json.slice(0, 30)} has more than ${levels} levels`, () => {
    assert.equal(isNestedDeeper(json, levels), isDeeper);
  });
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

Deno.test("isNestedDeeper agrees with the depth of the parsed value", () => {
  fc.assert(fc.property(fc.json(), fc.nat(6), (json, levels) => {
    assert.equal(isNestedDeeper(json, levels), depthOf(JSON.parse(json)) > levels);
  }));
});
