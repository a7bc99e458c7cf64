import assert from "node:assert/strict";
import fc from "fast-check";
import {
  EMPTY_WINDOW,
  endOf,
  freeStarts,
  mergeWindows,
  nextEnd,
  type RateWindow,
  readWindow,
  withTake,
} from "../../runtime/core/rate_window.ts";

const SECOND = { limit: 10, perMs: 1_000 }, NOW = 1_000_000;
const take = (count: number, by = "a", holdMs = 20) => ({ count, by, holdMs });

Deno.test("withTake counts starts until `per` has passed after the latest time of a start, rounded up", () => {
  const window = withTake(EMPTY_WINDOW, take(4), SECOND, NOW);
  assert.deepEqual(window, { ends: [[NOW + 1_020, 4]], takers: { a: NOW } });
  assert.equal(freeStarts(window, 10, NOW), 6);
  assert.equal(freeStarts(window, 10, NOW + 1_019), 6);
  assert.equal(freeStarts(window, 10, NOW + 1_020), 10);
  assert.deepEqual(withTake(window, take(1), SECOND, NOW + 5).ends, [[NOW + 1_020, 4], [NOW + 1_030, 1]]);
});

Deno.test("withTake drops starts that no longer count, and processes that took none lately", () => {
  const old = withTake(EMPTY_WINDOW, take(4), SECOND, NOW), later = NOW + 10_001;
  const window = withTake(old, take(1, "b"), SECOND, later);
  assert.deepEqual([window.ends.length, Object.keys(window.takers)], [1, ["b"]]);
  assert.deepEqual(Object.keys(withTake(old, take(1, "b"), SECOND, NOW + 10_000).takers), ["a", "b"]);
  const slow = { limit: 1, perMs: 60_000 };
  assert.deepEqual(Object.keys(withTake(old, take(1, "b"), slow, NOW + 60_000).takers), ["a", "b"]);
});

Deno.test("freeStarts is never below zero: a limit may have been lowered", () => {
  assert.equal(freeStarts(withTake(EMPTY_WINDOW, take(9), SECOND, NOW), 5, NOW), 0);
});

Deno.test("endOf and nextEnd say when starts no longer count", () => {
  const window = { ends: [[NOW, 5], [NOW + 10, 2], [NOW + 30, 1]], takers: {} } as const;
  assert.equal(nextEnd(window, NOW), NOW + 10);
  assert.deepEqual([1, 2, 3, 4].map((starts) => endOf(window, starts, NOW)), [NOW + 10, NOW + 10, NOW + 30, undefined]);
  assert.equal(nextEnd(window, NOW + 30), undefined);
});

Deno.test("mergeWindows adds the starts of both, in order", () => {
  const one = withTake(EMPTY_WINDOW, take(2), SECOND, NOW + 10);
  const other = withTake(withTake(EMPTY_WINDOW, take(3, "b"), SECOND, NOW), take(1, "b"), SECOND, NOW + 10);
  assert.deepEqual(mergeWindows(one, other, 1_000, NOW + 10), {
    ends: [[NOW + 1_020, 3], [NOW + 1_030, 3]],
    takers: { a: NOW + 10, b: NOW + 10 },
  });
});

const strange: unknown[] = [
  undefined,
  null,
  5,
  "{}",
  {},
  { ends: 1, takers: {} },
  { ends: [[1]], takers: {} },
  {
    ends: [["1", 2]],
    takers: {},
  },
  { ends: [], takers: null },
  { ends: [], takers: { a: "x" } },
];
for (const value of strange) {
  Deno.test(`readWindow takes ${JSON.stringify(value)} for an empty window`, () => {
    assert.deepEqual(readWindow(value), EMPTY_WINDOW);
  });
}

Deno.test("readWindow reads what was written as JSON", () => {
  const window = withTake(EMPTY_WINDOW, take(4), SECOND, NOW);
  assert.deepEqual(readWindow(JSON.parse(JSON.stringify(window))), window);
});

const step = fc.record({
  afterMs: fc.integer({ min: 0, max: 400 }),
  wanted: fc.integer({ min: 1, max: 15 }),
  by: fc.constantFrom("a", "b", "c"),
  holdMs: fc.integer({ min: 0, max: 50 }),
  /** Part of the hold after which the handlers begin. */
  late: fc.double({ min: 0, max: 1, noNaN: true }),
});

Deno.test("withTake lets no time of `per` see more starts than the limit, wherever it begins", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const started: number[] = [];
    let window: RateWindow = EMPTY_WINDOW, nowMs = NOW;
    for (const { afterMs, wanted, by, holdMs, late } of steps) {
      nowMs += afterMs;
      const count = Math.min(wanted, freeStarts(window, SECOND.limit, nowMs));
      window = withTake(window, { count, by, holdMs }, SECOND, nowMs);
      started.push(...Array<number>(count).fill(nowMs + holdMs * late));
      assert.ok(window.ends.length <= 110, "the window is bounded");
    }
    started.sort((a, b) => a - b);
    started.forEach((atMs, i) => assert.ok(!(started[i + SECOND.limit] < atMs + SECOND.perMs)));
  }));
});

Deno.test("withTake keeps a window of a large limit small", () => {
  let window: RateWindow = EMPTY_WINDOW;
  for (let i = 0; i < 5_000; i++) {
    window = withTake(window, take(1), { limit: 10_000, perMs: 3_600_000 }, NOW + i * 700);
  }
  assert.ok(window.ends.length <= 101, String(window.ends.length));
});
