import assert from "node:assert/strict";
import fc from "fast-check";
import { AdaptiveLimit, type AdaptiveLimitPolicy, type LimitSample } from "../../runtime/core/adaptive_limit.ts";

const POLICY: AdaptiveLimitPolicy = { min: 1, max: 64, targetMs: 100 };

/** Windows of equal runs: how many ran at once, how long each took, how many were congested, and the limit after it. */
type Window = readonly [atOnce: number, tookMs: number, congested: number, limit: number];

const TABLE: readonly (readonly [name: string, policy: AdaptiveLimitPolicy, windows: readonly Window[]])[] = [
  ["doubles once a second while it is in full use", POLICY, [[1, 50, 0, 2], [2, 50, 0, 4], [4, 50, 0, 8]]],
  ["stays while it is not in full use", POLICY, [[1, 50, 0, 2], [1, 50, 0, 2], [1, 50, 0, 2]]],
  ["takes back a raise that was too much, and then adds one at a time", { ...POLICY, min: 4 }, [
    [4, 50, 0, 8],
    [8, 50, 0, 16],
    [16, 200, 0, 8],
    [8, 50, 0, 9],
    [9, 50, 0, 10],
  ]],
  ["does not try again at once what was too much", { ...POLICY, min: 8 }, [
    [8, 50, 0, 16],
    [16, 101, 0, 8],
    [8, 50, 0, 9],
    [9, 150, 0, 8],
    [8, 50, 0, 8],
    [8, 50, 0, 8],
  ]],
  ["falls by the gradient, by a tenth at least and by three at the most", { ...POLICY, min: 10 }, [
    [10, 50, 0, 20],
    [20, 50, 0, 40],
    [40, 50, 0, 64],
    [64, 101, 0, 40],
    [40, 101, 0, 36],
    [36, 125, 0, 28],
    [28, 900, 0, 19],
    [19, 900, 0, 13],
    [13, 900, 0, 10],
    [10, 900, 0, 10],
  ]],
  ["is halved when a tenth of the runs is congested, not for fewer", { ...POLICY, min: 5 }, [
    [5, 50, 0, 10],
    [10, 50, 0, 20],
    [20, 50, 1, 40],
    [40, 50, 4, 20],
    [20, 50, 2, 10],
  ]],
  ["never exceeds max", { ...POLICY, min: 3, max: 4 }, [[3, 50, 0, 4], [4, 50, 0, 4]]],
];

/** Ends a window of runs that last at least a second together. */
function play(limit: AdaptiveLimit, nowMs: number, [atOnce, tookMs, congested]: Window): number {
  const rounds = Math.max(1, Math.ceil(1_000 / tookMs), Math.ceil(10 / atOnce)), before = limit.limit;
  let left = congested;
  for (let round = 0; round < rounds; round++) {
    const startedMs = nowMs;
    nowMs += tookMs;
    for (let i = 0; i < atOnce; i++) {
      const isFull = i + 1 >= before, isCongested = left-- > 0;
      if (limit.ended({ startedMs, durationMs: tookMs, isFull, isCongested }, nowMs)) return nowMs;
    }
  }
  return nowMs;
}

for (const [name, policy, windows] of TABLE) {
  Deno.test(`AdaptiveLimit ${name}`, () => {
    const limit = new AdaptiveLimit(policy);
    let nowMs = 5_000;
    const limits = windows.map((window) => {
      nowMs = play(limit, nowMs, window);
      return limit.limit;
    });
    assert.deepEqual(limits, windows.map(([, , , limit]) => limit));
  });
}

Deno.test("AdaptiveLimit does not count a run that began under another limit", () => {
  const limit = new AdaptiveLimit({ ...POLICY, min: 16 });
  play(limit, 0, [16, 50, 0, 32]);
  for (let i = 0; i < 100; i++) {
    limit.ended({ startedMs: 10, durationMs: 9_000, isFull: true, isCongested: true }, 9_010);
  }
  assert.equal(limit.limit, 32);
});

const samples = fc.array(
  fc.record({
    waitMs: fc.integer({ min: 0, max: 2_000 }),
    durationMs: fc.integer({ min: 0, max: 500 }),
    isFull: fc.boolean(),
    isCongested: fc.boolean(),
  }),
  { maxLength: 500 },
);
const policies = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100 }))
  .map(([min, more]) => ({ min, max: min + more, targetMs: 100 }));

Deno.test("AdaptiveLimit stays a whole number between min and max, whatever runs end", () => {
  fc.assert(fc.property(policies, samples, (policy, ends) => {
    const limit = new AdaptiveLimit(policy);
    let nowMs = 0;
    for (const { waitMs, ...sample } of ends) {
      nowMs += waitMs + sample.durationMs;
      const before = limit.limit, changed = limit.ended({ startedMs: nowMs - sample.durationMs, ...sample }, nowMs);
      assert.equal(changed, limit.limit !== before);
      assert.ok(Number.isInteger(limit.limit) && limit.limit >= policy.min && limit.limit <= policy.max);
    }
  }));
});

/**
 * Runs events through a limit for a time, as fast as it admits them, by a model of a dependency.
 *
 * @returns The time that was spent at each limit, in milliseconds, of the last half.
 */
function runModel(policy: AdaptiveLimitPolicy, forMs: number, tookMs: (atOnce: number) => number): number[] {
  const limit = new AdaptiveLimit(policy), running: (LimitSample & { readonly endMs: number })[] = [];
  const spent: number[] = [];
  let nowMs = 0;
  while (nowMs < forMs) {
    while (running.length < limit.limit) {
      const durationMs = tookMs(running.length + 1), isFull = running.length + 1 >= limit.limit;
      running.push({ startedMs: nowMs, durationMs, isFull, isCongested: false, endMs: nowMs + durationMs });
    }
    running.sort((a, b) => b.endMs - a.endMs);
    const { endMs, ...sample } = running.pop()!;
    if (nowMs > forMs / 2) spent[limit.limit] = (spent[limit.limit] ?? 0) + endMs - nowMs;
    limit.ended(sample, nowMs = endMs);
  }
  return spent;
}

const MODELS: readonly (readonly [name: string, targetMs: number, tookMs: (atOnce: number) => number])[] = [
  ["slows to a fifth beyond 8 at a time", 50, (atOnce) => atOnce <= 8 ? 20 : 100],
  ["has 8 workers, and a queue before them", 21, (atOnce) => 20 * Math.max(1, atOnce / 8)],
  ["takes the square of what is beyond 8", 50, (atOnce) => 20 + 10 * Math.max(0, atOnce - 8) ** 2 * 4],
];
for (const [name, targetMs, tookMs] of MODELS) {
  Deno.test(`AdaptiveLimit settles near 8 if the dependency ${name}`, () => {
    const spent = runModel({ min: 1, max: 64, targetMs }, 120_000, tookMs);
    const total = spent.reduce((sum, ms) => sum + ms, 0),
      average = spent.reduce((sum, ms, i) => sum + ms * i, 0) / total;
    assert.ok(average > 7 && average < 9, String(average));
    assert.ok(Object.keys(spent).every((limit) => Number(limit) >= 6 && Number(limit) <= 10), JSON.stringify(spent));
  });
}

Deno.test("AdaptiveLimit rises again once the dependency has recovered", () => {
  let nowMs = 0;
  const tookMs = (atOnce: number) => nowMs++ < 2_000 && atOnce > 8 ? 100 : 20;
  const spent = runModel({ min: 1, max: 32, targetMs: 50 }, 120_000, tookMs);
  assert.deepEqual(Object.keys(spent), ["32"]);
});
