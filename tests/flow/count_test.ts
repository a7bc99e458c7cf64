import assert from "node:assert/strict";
import { count } from "../../runtime/flow/count.ts";
import type { Counts } from "../../runtime/flow/ports.ts";
import { delivery } from "../rules/deliveries.ts";

const NEVER = { attempts: 0, freeRetries: 0, redrives: 0 };

/** Counts a delivery of which that much is written down. */
function counted(deliveryCount: number, written: Counts | undefined, budget: number, earlier = NEVER) {
  const attempts = { read: () => Promise.resolve(written), write: () => Promise.reject(new Error("not asked to")) };
  return count(attempts, "ship", { ...delivery(), deliveryCount, earlier }, budget);
}

Deno.test("a first delivery is the first attempt, and nothing is looked up or written for it", async () => {
  const attempts = {
    read: () => Promise.reject(new Error("not asked to")),
    write: () => Promise.reject(new Error("not asked to")),
  };
  assert.deepEqual(await count(attempts, "ship", { ...delivery(), deliveryCount: 1, earlier: NEVER }, 5), {
    attempt: 1,
    freeRetries: 0,
    begin: undefined,
  });
});

for (
  const [what, deliveries, written, budget, attempt] of [
    ["a second delivery of which nothing is known is the second attempt", 2, undefined, 5, 2],
    ["deliveries that never arrived are not attempts", 9, undefined, 5, 2],
    ["what is written is exact, however many deliveries there were", 9, { begun: 3, free: 2 }, 5, 4],
    ["a first delivery that was given back was no attempt", 2, { begun: 0, free: 1 }, 5, 1],
    ["where only one attempt is allowed, one that may never have run gets it", 2, undefined, 1, 1],
    ["an attempt that is known to have begun, and was the last allowed, is past", 3, { begun: 1, free: 0 }, 1, 2],
  ] as const
) {
  Deno.test(what, async () => {
    const { attempt: got, begin } = await counted(deliveries, written, budget);
    assert.equal(got, attempt);
    assert.equal(begin?.begun, attempt, "what is written before the handler runs is that this attempt began");
  });
}

Deno.test("attempts before an event was parked are counted on", async () => {
  const earlier = { attempts: 2, freeRetries: 3, redrives: 0 };
  assert.deepEqual(await counted(1, undefined, 5, earlier), { attempt: 3, freeRetries: 3, begin: undefined });
  assert.deepEqual(await counted(2, { begun: 1, free: 1 }, 5, earlier), {
    attempt: 4,
    freeRetries: 4,
    begin: { begun: 2, free: 1 },
  });
});
