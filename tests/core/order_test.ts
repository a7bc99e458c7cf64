import assert from "node:assert/strict";
import { blockedNumber } from "../../runtime/core/order.ts";

const RETRY = { attempts: 3, initialMs: 1, maxMs: 1, factor: 1, jitter: "none" } as const;

for (
  const [what, number, deaths, expected] of [
    ["a first attempt", 1, 0, 1],
    ["the last allowed one", 3, 0, 3],
    ["one beyond those allowed, after failures", 4, 0, 3],
    ["one beyond those allowed, and fewer are allowed than before", 9, 0, 3],
    ["one after a death, with attempts left", 2, 1, 2],
    ["one after a death in the last allowed attempt", 4, 1, 3],
    ["one after one death fewer than attempts", 4, 2, 3],
    ["one after as many deaths as attempts", 4, 3, 4],
    ["one after more deaths than attempts, and fewer are allowed than before", 6, 5, 6],
    ["one after as many deaths as attempts, whatever is said to have begun", 2, 3, 4],
  ] as const
) {
  Deno.test(`[G26] blockedNumber of ${what} is ${expected} of 3`, () => {
    assert.equal(blockedNumber({ number, deaths, retry: RETRY }), expected);
  });
}
