import assert from "node:assert/strict";
import { batchSizeAt, batchVerdicts, endsBatch, mayBeOfOneEvent, resultOfMany } from "../../runtime/core/batch.ts";
import type { Verdict } from "../../runtime/core/breaker.ts";
import type { Result } from "../../runtime/core/outcome.ts";

const sizes: [size: number, attempts: number, sizes: number[]][] = [
  [500, 5, [500, 62, 7, 1, 1]],
  [10_000, 5, [10_000, 1_250, 156, 19, 1]],
  [500, 2, [500, 1]],
  [100, 3, [100, 12, 1]],
  [3, 5, [3, 1, 1, 1, 1]],
  [500, 1, [1]],
];
for (const [size, attempts, expected] of sizes) {
  Deno.test(`batchSizeAt of ${size} and ${attempts} attempts is ${expected.join(", ")}`, () => {
    assert.deepEqual(expected.map((_, index) => batchSizeAt(size, index + 1, attempts)), expected);
  });
}

Deno.test("[G23] batchSizeAt ends with batches of one event, whatever the size and the number of attempts", () => {
  for (const attempts of [1, 2, 3, 10, 1_000]) {
    for (const size of [1, 7, 10_000]) {
      const sizes = Array.from({ length: attempts }, (_, index) => batchSizeAt(size, index + 1, attempts));
      assert.equal(sizes.at(-1), 1);
      assert.deepEqual(sizes, sizes.toSorted((a, b) => b - a));
      assert.equal(batchSizeAt(size, attempts + 1, attempts), 1, "fewer attempts are allowed than before");
    }
  }
});

const error = { name: "Error", message: "no" };
const results: [result: Result, halved: boolean, endsMany: boolean, endsOne: boolean][] = [
  [{ kind: "returned" }, false, false, false],
  [{ kind: "failed", error }, true, false, false],
  [{ kind: "rejected", error }, true, false, false],
  [{ kind: "timed-out", error }, false, true, true],
  [{ kind: "retry-after", delayMs: 1, error }, false, true, false],
  [{ kind: "unavailable", error }, false, true, true],
  [{ kind: "resource-unavailable", error }, false, true, true],
  [{ kind: "dependency-open", dependency: "Bank", retryAtMs: 0, probeFailed: false, error }, false, true, true],
  [{ kind: "shutdown" }, false, true, true],
];
for (const [result, halved, endsMany, endsOne] of results) {
  Deno.test(`endsBatch and mayBeOfOneEvent decide on \`${result.kind}\``, () => {
    assert.deepEqual(
      [mayBeOfOneEvent(result), endsBatch(result, 2), endsBatch(result, 1)],
      [halved, endsMany, endsOne],
    );
  });
}

Deno.test("resultOfMany lets no event of several end as rejected", () => {
  assert.deepEqual(resultOfMany({ kind: "rejected", error }), { kind: "failed", error });
  assert.deepEqual(resultOfMany({ kind: "timed-out", error }), { kind: "timed-out", error });
});

const verdicts: [given: Verdict[], expected: Verdict[], works?: boolean][] = [
  [[], []],
  [["failure", "failure"], ["ignored", "ignored"], true],
  [["failure", "failure", "failure"], ["failure", "ignored", "ignored"]],
  [["ignored", "failure", "failure"], ["ignored", "failure", "ignored"]],
  [["failure", "success"], ["ignored", "success"]],
  [["ignored"], ["ignored"]],
];
for (const [given, expected, works = false] of verdicts) {
  Deno.test(`batchVerdicts of [${given}] are [${expected}]${works ? " while others succeed" : ""}`, () => {
    assert.deepEqual(batchVerdicts(given, works), expected);
  });
}
