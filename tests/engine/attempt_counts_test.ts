import assert from "node:assert/strict";
import type { DeliveryHistory } from "../../runtime/core/delivery.ts";
import { areWritten, countsOfStart, presumedCounts, unendedSoFar } from "../../runtime/engine/attempt_counts.ts";

const NEVER: DeliveryHistory = { attempts: 0, excusedDeliveries: 0, redrives: 0 };
const BEGUN = { begun: 1, excused: 0, mayHaveEmitted: true };
const UNWRITTEN = { ...BEGUN, begun: 0 };

for (
  const [what, history, counts, expected] of [
    ["of an event that never began are none", {}, undefined, {}],
    ["are those of its message", {}, { ...BEGUN, isUnended: true, deaths: 2 }, { isUnended: true, deaths: 2 }],
    ["are 1 if an earlier release stored no number", {}, { ...BEGUN, isUnended: true }, { isUnended: true, deaths: 1 }],
    ["are none after an end, whatever came with it", { isUnended: true, deaths: 2 }, BEGUN, {}],
    ["came with it if no counts are known", { isUnended: true, deaths: 2 }, undefined, { isUnended: true, deaths: 2 }],
    ["came with it if none were written", { isUnended: true, deaths: 2 }, UNWRITTEN, { isUnended: true, deaths: 2 }],
    [
      "are 0 after a delivery that vanished",
      { isUnended: true, deaths: 0 },
      undefined,
      { isUnended: true, deaths: 0 },
    ],
    ["are 1 if it came from an earlier release", { isUnended: true }, undefined, { isUnended: true, deaths: 1 }],
  ] as const
) {
  Deno.test(`unendedSoFar: the deaths of an event ${what}`, () => {
    assert.deepEqual(unendedSoFar({ ...NEVER, ...history }, counts), expected);
  });
}

for (
  const [begun, excused, expected] of [[0, 0, false], [1, 0, true], [0, 1, true], [-1, 1, true], [-1, 0, true]] as const
) {
  Deno.test(`areWritten is ${expected} for ${begun} begun and ${excused} excused`, () => {
    assert.equal(areWritten({ begun, excused, mayHaveEmitted: true }), expected);
  });
}

Deno.test("areWritten is true for an attempt that began and has no known end, whatever its numbers", () => {
  assert.equal(areWritten({ begun: 0, excused: 0, mayHaveEmitted: true, isUnended: true, deaths: 1 }), true);
});

for (const [attempts, allowed, begun] of [[0, 5, 1], [0, 2, 1], [0, 1, 0], [3, 5, 1], [4, 5, 0], [5, 5, 0]] as const) {
  Deno.test(`presumedCounts presumes ${begun} attempts after ${attempts} of ${allowed}`, () => {
    assert.deepEqual(presumedCounts({ ...NEVER, attempts }, allowed), { begun, excused: 0, mayHaveEmitted: true });
  });
}

Deno.test("countsOfStart says of its message alone what began, and of the event how often its process died", () => {
  const history = { attempts: 2, excusedDeliveries: 3, otherReleaseDeliveries: 1, redrives: 0 };
  const lastError = { name: "Error", message: "down" }, totals = { number: 4, excusedDeliveries: 7, deaths: 1 };
  assert.deepEqual(
    countsOfStart(history, { ...totals, otherReleaseDeliveries: 2, previousTrace: "trace", lastError }),
    {
      ...{ begun: 2, excused: 4, otherRelease: 1, mayHaveEmitted: true },
      ...{ isUnended: true, deaths: 2, attemptTrace: "trace", lastError },
    },
  );
  assert.deepEqual(
    countsOfStart(NEVER, { ...totals, otherReleaseDeliveries: 0, previousTrace: undefined, lastError: undefined }),
    { begun: 4, excused: 7, mayHaveEmitted: true, isUnended: true, deaths: 2 },
  );
});
