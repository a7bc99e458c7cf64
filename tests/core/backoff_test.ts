import assert from "node:assert/strict";
import fc from "fast-check";
import { backoffMs, type RetryPolicy } from "../../runtime/core/backoff.ts";

const POLICY: RetryPolicy = { attempts: 5, initialMs: 250, maxMs: 60_000, factor: 2, jitter: "none" };

const waits: [attempt: number, waitMs: number][] = [
  [1, 250],
  [2, 500],
  [3, 1_000],
  [4, 2_000],
  [8, 32_000],
  [9, 60_000],
  [10, 60_000],
  [2_000, 60_000],
];
for (const [attempt, waitMs] of waits) {
  Deno.test(`backoffMs without jitter after attempt ${attempt} is ${waitMs} ms`, () => {
    assert.equal(backoffMs(POLICY, attempt, 0.999), waitMs);
  });
}

Deno.test("backoffMs with a factor of one is the same after every attempt", () => {
  const steady = { ...POLICY, factor: 1 };
  assert.deepEqual([1, 2, 3, 100].map((attempt) => backoffMs(steady, attempt, 0)), [250, 250, 250, 250]);
});

Deno.test("backoffMs is at most maxMs, also below initialMs", () => {
  assert.equal(backoffMs({ ...POLICY, maxMs: 100 }, 1, 0), 100);
});

const jittered: [random: number, waitMs: number][] = [[0, 1], [0.0001, 1], [0.25, 250], [0.5, 500], [0.999, 999]];
for (const [random, waitMs] of jittered) {
  Deno.test(`backoffMs with full jitter makes of 1000 ms at ${random} ${waitMs} ms`, () => {
    assert.equal(backoffMs({ ...POLICY, jitter: "full" }, 3, random), waitMs);
  });
}

const policies = fc.record({
  attempts: fc.integer({ min: 1, max: 100 }),
  initialMs: fc.integer({ min: 1, max: 10_000_000 }),
  maxMs: fc.integer({ min: 1, max: 10_000_000 }),
  factor: fc.double({ min: 1, max: 100, noNaN: true }),
  jitter: fc.constantFrom("full" as const, "none" as const),
});
const attempts = fc.integer({ min: 1, max: 100_000 });
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

Deno.test("backoffMs is a whole number from one to maxMs for every policy", () => {
  fc.assert(fc.property(policies, attempts, chance, (policy, attempt, random) => {
    const wait = backoffMs(policy, attempt, random);
    assert.ok(Number.isInteger(wait), `${wait}`);
    assert.ok(wait >= 1 && wait <= policy.maxMs, `${wait}`);
  }));
});

Deno.test("backoffMs is never longer with full jitter than without", () => {
  fc.assert(fc.property(policies, attempts, chance, (policy, attempt, random) => {
    const full = backoffMs({ ...policy, jitter: "full" }, attempt, random);
    assert.ok(full <= backoffMs({ ...policy, jitter: "none" }, attempt, random), `${full}`);
  }));
});

Deno.test("backoffMs without jitter never decreases, and does not depend on chance", () => {
  fc.assert(fc.property(policies, fc.integer({ min: 1, max: 1_000 }), chance, (policy, attempt, random) => {
    const steady = { ...policy, jitter: "none" as const };
    assert.ok(backoffMs(steady, attempt + 1, random) >= backoffMs(steady, attempt, 0));
    assert.equal(backoffMs(steady, attempt, random), backoffMs(steady, attempt, 0));
  }));
});

Deno.test("backoffMs with full jitter never decreases with chance", () => {
  fc.assert(fc.property(policies, attempts, chance, chance, (policy, attempt, one, other) => {
    const full = { ...policy, jitter: "full" as const };
    const less = backoffMs(full, attempt, Math.min(one, other));
    assert.ok(less <= backoffMs(full, attempt, Math.max(one, other)));
  }));
});
