import assert from "node:assert/strict";
import { HELD_AHEAD, Prefetch, prefetchLimit } from "../../runtime/engine/prefetch.ts";

/** One round: deliveries arrive when nothing is held, end, and the consumer asks. */
type Round = readonly [quietMs: number, ended: number, tookMs: number, allowed: number];

const TABLE: readonly (readonly [name: string, concurrency: number, limit: number, rounds: readonly Round[]])[] = [
  ["nothing before the first end", 16, 484, [[0, 0, 5, 0]]],
  ["twice what has ended, up to the limit, of a quick handler", 16, 484, [
    [0, 16, 1, 32],
    [0, 48, 1, 127],
    [0, 144, 1, 412],
    [0, 400, 1, 484],
  ]],
  ["the same over a slow network: only time in which something is held counts", 16, 484, [
    [200, 16, 1, 32],
    [200, 48, 1, 127],
  ]],
  ["what ends within 50 ms", 2, 484, [[0, 10, 10, 20], [0, 10, 10, 36], [0, 10, 50, 10]]],
  ["nothing of a handler that takes longer than 50 ms", 16, 484, [[0, 16, 60, 0], [0, 16, 1_000, 0]]],
  ["nothing at once when a quick handler becomes slow", 16, 484, [[0, 400, 1, 484], [0, 16, 1_000, 0]]],
  ["nothing by a pace from before a pause of a second", 16, 484, [[0, 400, 1, 484], [1_500, 0, 0, 0]]],
  ["what one slot begins soon", 1, 99, [[0, 1, 10, 2], [0, 1, 10, 3], [0, 1, 49, 1], [0, 1, 51, 0]]],
  ["nothing without a limit", 16, 0, [[0, 400, 1, 0]]],
];

for (const [name, concurrency, limit, rounds] of TABLE) {
  Deno.test(`Prefetch allows ${name}`, () => {
    const prefetch = new Prefetch(concurrency, limit);
    let nowMs = 1_000_000;
    const allowed = rounds.map(([quietMs, ended, tookMs]) => {
      prefetch.resumed(nowMs += quietMs);
      for (let i = 0; i < ended; i++) prefetch.ended();
      return prefetch.allowed(nowMs += tookMs, true);
    });
    assert.deepEqual(allowed, rounds.map(([, , , allowed]) => allowed));
  });
}

Deno.test("Prefetch counts work that goes on from one pull to the next", () => {
  const prefetch = new Prefetch(2, 100);
  prefetch.resumed(0);
  for (let i = 0; i < 10; i++) prefetch.ended();
  assert.equal(prefetch.allowed(10, false), 20);
  assert.equal(prefetch.allowed(1_010, false), 0); // two handlers take a second
});

const LIMITS: readonly (readonly [what: Parameters<typeof prefetchLimit>, deliveries: number, bytes: number])[] = [
  [[16, 1, 1, Infinity], HELD_AHEAD - 16, 4 * 2 ** 20],
  [[16, 100, 1, 2 ** 22], 40, 2 ** 20],
  [[16, 1, 2, Infinity], 242, 4 * 2 ** 20],
  [[1_000, 1, 1, Infinity], 0, 4 * 2 ** 20],
];

for (const [what, deliveries, bytes] of LIMITS) {
  Deno.test(`prefetchLimit(${what.join(", ")}) is ${deliveries} deliveries and ${bytes} bytes`, () => {
    assert.deepEqual(prefetchLimit(...what), { deliveries, bytes });
  });
}
