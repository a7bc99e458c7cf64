import assert from "node:assert/strict";
import { partitionOf, quotaOf } from "../../runtime/core/partitions.ts";
import { sha256Hex } from "../../runtime/core/sha256.ts";

const keyOf = (text: string) => sha256Hex(text, 32);

Deno.test("partitionOf returns the same partition of a key in every release", () => {
  const found = ["customer 1", "customer 2", "ü", ""].map((text) => [4, 7, 64].map((n) => partitionOf(keyOf(text), n)));
  assert.deepEqual(found, [[2, 1, 46], [3, 4, 31], [2, 0, 10], [2, 1, 2]]);
});

Deno.test("partitionOf spreads keys evenly", () => {
  for (const partitions of [2, 3, 16, 64]) {
    const counts = Array<number>(partitions).fill(0), keys = 1_000 * partitions;
    for (let i = 0; i < keys; i++) counts[partitionOf(keyOf(`key ${i}`), partitions)]++;
    assert.ok(counts.every((count) => count > 800 && count < 1_200), `${partitions}: ${counts}`);
  }
});

const QUOTAS: readonly (readonly [partitions: number, others: readonly string[], quota: number])[] = [
  [4, [], 4],
  [4, ["a"], 2],
  [4, ["m"], 4], // itself
  [4, ["a", "z"], 1],
  [4, ["y", "z"], 2],
  [2, ["a", "b"], 0],
  [5, ["a", "b", "c", "d", "e"], 0],
];
for (const [partitions, others, quota] of QUOTAS) {
  Deno.test(`quotaOf ${partitions} partitions beside ${others.join(", ") || "no other process"} is ${quota}`, () => {
    assert.equal(quotaOf("m", others, partitions), quota);
  });
}

Deno.test("quotaOf gives out each partition once, if all processes know each other", () => {
  for (let processes = 1; processes < 9; processes++) {
    const ids = Array.from({ length: processes }, (_, i) => `process ${i}`);
    const all = ids.map((id) => quotaOf(id, ids.filter((other) => other !== id), 6));
    assert.equal(all.reduce((sum, quota) => sum + quota, 0), 6);
    assert.ok(Math.max(...all) - Math.min(...all) <= 1);
  }
});
