import assert from "node:assert/strict";
import { restartAfter } from "../../runtime/core/restart_backoff.ts";

const ends: [failures: number, ranMs: number, delayMs: number, failuresNow: number][] = [
  [0, 0, 100, 1],
  [0, 3_600_000, 100, 1],
  [1, 59_999, 200, 2],
  [2, 10, 400, 3],
  [8, 10, 25_600, 9],
  [9, 10, 30_000, 10],
  [10_000, 10, 30_000, 10_001],
  [10_000, 60_000, 100, 1],
];
for (const [failures, ranMs, delayMs, failuresNow] of ends) {
  Deno.test(`restartAfter ${failures} failures and ${ranMs} ms of running is a delay of ${delayMs} ms`, () => {
    assert.deepEqual(restartAfter(failures, ranMs), { failures: failuresNow, delayMs });
  });
}
