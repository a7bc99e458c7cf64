import assert from "node:assert/strict";
import { count } from "../../runtime/engine/count.ts";
import type { AttemptCounts } from "../../runtime/engine/ports.ts";
import { delivery } from "../support/deliveries.ts";

const NEVER = { attempts: 0, excusedDeliveries: 0, redrives: 0 };

/** Counts a delivery of which that much is written down. */
function counted(deliveryCount: number, written: AttemptCounts | undefined, budget: number, history = NEVER) {
  const attempts = { read: () => Promise.resolve(written), write: () => Promise.reject(new Error("not asked to")) };
  return count(attempts, "ship", { ...delivery(), deliveryCount, history }, budget);
}

Deno.test("a first delivery is the first attempt, and nothing is looked up or written for it", async () => {
  const attempts = {
    read: () => Promise.reject(new Error("not asked to")),
    write: () => Promise.reject(new Error("not asked to")),
  };
  assert.deepEqual(await count(attempts, "ship", { ...delivery(), deliveryCount: 1, history: NEVER }, 5), {
    attempt: 1,
    excusedDeliveries: 0,
    emittedSinceMs: undefined,
    delayed: false,
    ending: undefined,
    begin: undefined,
    previous: undefined,
  });
});

for (
  const [what, deliveries, written, budget, attempt] of [
    ["a second delivery of which nothing is known is the second attempt", 2, undefined, 5, 2],
    ["deliveries that never arrived are not attempts", 9, undefined, 5, 2],
    ["what is written is exact, however many deliveries there were", 9, { begun: 3, free: 2, emitted: true }, 5, 4],
    ["a first delivery that was given back was no attempt", 2, { begun: 0, free: 1, emitted: true }, 5, 1],
    ["where only one attempt is allowed, one that may never have run gets it", 2, undefined, 1, 1],
    [
      "an attempt that is known to have begun, and was the last allowed, is past",
      3,
      { begun: 1, free: 0, emitted: true },
      1,
      2,
    ],
  ] as const
) {
  Deno.test(what, async () => {
    const { attempt: got, begin } = await counted(deliveries, written, budget);
    assert.equal(got, attempt);
    assert.equal(begin?.begun, attempt, "what is written before the handler runs is that this attempt began");
  });
}

Deno.test("attempts before an event was delayed are counted on", async () => {
  const history = { attempts: 2, excusedDeliveries: 3, redrives: 0 };
  assert.deepEqual(await counted(1, undefined, 5, history), {
    attempt: 3,
    excusedDeliveries: 3,
    emittedSinceMs: undefined,
    delayed: false,
    ending: undefined,
    begin: undefined,
    previous: undefined,
  });
  assert.deepEqual(await counted(2, { begun: 1, free: 1, emitted: true }, 5, history), {
    attempt: 4,
    excusedDeliveries: 4,
    emittedSinceMs: delivery().storedAtMs,
    delayed: false,
    ending: undefined,
    begin: { begun: 2, free: 1, emitted: true },
    previous: undefined,
  });
});

for (
  const [what, deliveries, written, since] of [
    ["a first delivery has emitted nothing", 1, undefined, false],
    ["of a delivery that vanished nobody knows whether it emitted", 2, undefined, true],
    ["one whose last attempt never reported back may have emitted", 3, { begun: 2, free: 0, emitted: true }, true],
    ["one that was given back each time has emitted nothing", 3, { begun: 2, free: 0, emitted: false }, false],
  ] as const
) {
  Deno.test(what, async () => {
    const { emittedSinceMs } = await counted(deliveries, written, 5);
    assert.equal(emittedSinceMs, since ? delivery().storedAtMs : undefined);
  });
}

Deno.test("what an event may have emitted before it was delayed it may have emitted still", async () => {
  const history = { attempts: 2, excusedDeliveries: 0, redrives: 0, emittedSinceMs: 7 };
  assert.equal((await counted(1, undefined, 5, history)).emittedSinceMs, 7);
  assert.equal((await counted(2, { begun: 1, free: 0, emitted: false }, 5, history)).emittedSinceMs, 7);
});

Deno.test("an end that was decided stands", async () => {
  const error = { name: "Error", message: "no" };
  const ending = { kind: "dead-letter", reason: "rejected", attempts: 2, error } as const;
  assert.deepEqual((await counted(3, { begun: 2, free: 0, emitted: true, ending }, 5)).ending, ending);
});

const FIRST = "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01";
const SECOND = "00-0af7651916cd43dd8448eb211c80319c-2222222222222222-01";

for (
  const [what, deliveries, written, history, previous] of [
    ["at the first delivery there is none", 1, undefined, undefined, undefined],
    ["from the retry stream it is the one that came with it", 1, undefined, FIRST, FIRST],
    ["at a later delivery it is the one written down", 2, SECOND, FIRST, SECOND],
    ["where none was written it is still the one from the retry stream", 2, undefined, FIRST, FIRST],
  ] as const
) {
  Deno.test(`the span of the attempt before: ${what}, and stays so if this one ends the process`, async () => {
    const counts = written && { begun: 1, free: 0, emitted: true, attemptTrace: written };
    const got = await counted(deliveries, counts, 5, { ...NEVER, ...(history && { attemptTrace: history }) });
    assert.equal(got.previous, previous);
    if (deliveries > 1) assert.equal(got.begin?.attemptTrace, previous);
  });
}
