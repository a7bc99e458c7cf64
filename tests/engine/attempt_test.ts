import assert from "node:assert/strict";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";
import { Attempt } from "../../runtime/engine/attempt.ts";
import type { AttemptCounts } from "../../runtime/engine/attempt_store.ts";
import type { DeliveryHistory } from "../../runtime/core/delivery.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { delivery } from "../support/deliveries.ts";
import { LEASE, NO_SPAN } from "../support/invocation.ts";

const NEVER: DeliveryHistory = { attempts: 0, excusedDeliveries: 0, redrives: 0 };

/** An attempt of a function with that many attempts, with stored counts applied if it is a redelivery. */
function counted(deliveryCount: number, stored: AttemptCounts | undefined, attempts: number, history = NEVER): Attempt {
  const resolved = resolvePolicy({ on: "orders.created", retry: { attempts } });
  assert.ok(resolved.ok);
  const fn = {
    name: "ship",
    file: "functions/ship.ts",
    triggers: [],
    emits: [],
    policy: resolved.policy,
    handler: () => {},
  };
  const attempt = new Attempt(fn, new TestClock(), { ...delivery(), deliveryCount, history }, LEASE);
  if (deliveryCount > 1) attempt.applyCounts(stored);
  return attempt;
}

/** The parts of an attempt that its counts decide. */
function brief(
  { number, excusedDeliveries, emittedSinceMs, isDelayed, ending, countsAtStart, previousTrace }: Attempt,
) {
  return { number, excusedDeliveries, emittedSinceMs, isDelayed, ending, countsAtStart, previousTrace };
}

const FIRST_ATTEMPT = {
  number: 1,
  excusedDeliveries: 0,
  emittedSinceMs: undefined,
  isDelayed: false,
  ending: undefined,
  countsAtStart: undefined,
  previousTrace: undefined,
};

Deno.test("Attempt of a first delivery is counted without stored counts, and has none to store", () => {
  const attempt = counted(1, undefined, 5);
  assert.equal(attempt.isCounted, true);
  assert.deepEqual(brief(attempt), FIRST_ATTEMPT);
});

Deno.test("Attempt of a redelivery is not counted until stored counts are applied", () => {
  const { fn, clock } = counted(1, undefined, 5);
  const attempt = new Attempt(fn, clock, { ...delivery(), deliveryCount: 3 }, LEASE);
  assert.deepEqual([attempt.isCounted, attempt.number], [false, 3]);
  assert.equal(attempt.usedUpAfter({ kind: "retry", reason: "shutdown", delayMs: 0, usesAttempt: false }), undefined);
});

for (
  const [what, deliveries, stored, attempts, number] of [
    ["Attempt.applyCounts takes a second delivery without stored counts for the second attempt", 2, undefined, 5, 2],
    ["Attempt.applyCounts counts no attempt for deliveries that never arrived", 9, undefined, 5, 2],
    [
      "Attempt.applyCounts takes stored counts as exact, whatever the delivery count",
      9,
      { begun: 3, excused: 2, mayHaveEmitted: true },
      5,
      4,
    ],
    [
      "Attempt.applyCounts counts no attempt for a first delivery that was given back",
      2,
      { begun: 0, excused: 1, mayHaveEmitted: true },
      5,
      1,
    ],
    ["[G18] Attempt.applyCounts allows an only attempt that may never have begun", 2, undefined, 1, 1],
    [
      "Attempt.applyCounts exceeds the attempts when the last one has begun",
      3,
      { begun: 1, excused: 0, mayHaveEmitted: true },
      1,
      2,
    ],
  ] as const
) {
  Deno.test(what, () => {
    const attempt = counted(deliveries, stored, attempts);
    assert.equal(attempt.number, number);
    assert.equal(attempt.countsAtStart?.begun, number, "the counts to store at the start say that this attempt began");
  });
}

Deno.test("Attempt continues the counts of a delayed retry", () => {
  const history = { attempts: 2, excusedDeliveries: 3, redrives: 0 };
  assert.deepEqual(brief(counted(1, undefined, 5, history)), { ...FIRST_ATTEMPT, number: 3, excusedDeliveries: 3 });
  assert.deepEqual(brief(counted(2, { begun: 1, excused: 1, mayHaveEmitted: true }, 5, history)), {
    ...FIRST_ATTEMPT,
    number: 4,
    excusedDeliveries: 4,
    emittedSinceMs: delivery().storedAtMs,
    countsAtStart: { begun: 2, excused: 1, mayHaveEmitted: true, isUnended: true, deaths: 1 },
  });
});

for (
  const [what, deliveries, stored, isEmitted] of [
    ["a first delivery has emitted nothing", 1, undefined, false],
    ["a delivery that vanished may have emitted", 2, undefined, true],
    ["an attempt that never reported back may have emitted", 3, { begun: 2, excused: 0, mayHaveEmitted: true }, true],
    [
      "an event that was given back each time has emitted nothing",
      3,
      { begun: 2, excused: 0, mayHaveEmitted: false },
      false,
    ],
  ] as const
) {
  Deno.test(`Attempt.emittedSinceMs: ${what}`, () => {
    const { emittedSinceMs } = counted(deliveries, stored, 5);
    assert.equal(emittedSinceMs, isEmitted ? delivery().storedAtMs : undefined);
  });
}

Deno.test("Attempt.emittedSinceMs of a delayed retry is the time that came with it", () => {
  const history = { ...NEVER, attempts: 2, emittedSinceMs: 7 };
  assert.equal(counted(1, undefined, 5, history).emittedSinceMs, 7);
  assert.equal(counted(2, { begun: 1, excused: 0, mayHaveEmitted: false }, 5, history).emittedSinceMs, 7);
});

const NO_STOCK = { name: "Error", message: "no stock" };
const BEGUN = { begun: 1, excused: 0, mayHaveEmitted: true };

for (
  const [what, deliveries, stored, history, lastError, isUnended] of [
    ["a first delivery has no error and no crash", 1, undefined, {}, undefined, false],
    ["a delayed retry has the error that came with it", 1, undefined, { lastError: NO_STOCK }, NO_STOCK, false],
    ["a redelivery has the stored error", 2, { ...BEGUN, lastError: NO_STOCK }, {}, NO_STOCK, false],
    ["a record without either has neither", 2, BEGUN, {}, undefined, false],
    ["a stored start without an end is a crash", 2, { ...BEGUN, isUnended: true }, {}, undefined, true],
    ["a crash keeps the error before", 2, { ...BEGUN, isUnended: true }, { lastError: NO_STOCK }, NO_STOCK, true],
    ["an end is no crash, whatever came with it", 2, BEGUN, { isUnended: true }, undefined, false],
    ["an event that was brought back has its crash", 1, undefined, { isUnended: true }, undefined, true],
    ["… also if its first delivery vanished", 2, undefined, { isUnended: true }, undefined, true],
    [
      "a vanished delivery is no crash, as no attempt is known",
      1,
      undefined,
      { isUnended: true, deaths: 0 },
      undefined,
      false,
    ],
    ["… also after another one", 2, undefined, { isUnended: true, deaths: 0 }, undefined, false],
    ["a first delivery that vanished is no crash", 2, undefined, {}, undefined, false],
  ] as const
) {
  Deno.test(`Attempt.lastError and isUnended: ${what}`, () => {
    const attempt = counted(deliveries, stored, 5, { ...NEVER, ...history });
    assert.deepEqual([attempt.lastError, attempt.isUnended], [lastError, isUnended]);
    if (deliveries > 1) assert.equal(attempt.countsAtStart?.isUnended, true);
    assert.deepEqual(
      attempt.usedUpAfter({ kind: "retry", reason: "failed", delayMs: 1, usesAttempt: true })?.lastError,
      lastError,
    );
  });
}

Deno.test("Attempt.usedUpAfter keeps a crash while deliveries are given back, and no guess", () => {
  const giveBack = { kind: "retry", reason: "unknown-subject", delayMs: 1, usesAttempt: false } as const;
  const isUnended = (stored: Parameters<typeof counted>[1]) => counted(2, stored, 5).usedUpAfter(giveBack)?.isUnended;
  assert.equal(isUnended({ ...BEGUN, isUnended: true }), true);
  for (const stored of [undefined, BEGUN, { ...BEGUN, begun: 0 }]) assert.equal(isUnended(stored), undefined);
});

for (
  const [reason, usesAttempt, deaths] of [
    ["rate-limited", false, 2],
    ["shutdown", false, 2],
    ["dependency-open", false, 2],
    ["newer-version", false, 2],
    ["blocks-key", false, undefined],
    ["failed", true, undefined],
    ["timed-out", true, undefined],
    ["retry-after", true, undefined],
  ] as const
) {
  Deno.test(`Attempt.usedUpAfter ${deaths ? "keeps" : "ends"} the count of deaths after ${reason}`, () => {
    const attempt = counted(3, { ...BEGUN, begun: 2, isUnended: true, deaths: 2 }, 5);
    assert.deepEqual([attempt.deaths, attempt.countsAtStart?.deaths], [2, 3]);
    const usedUp = attempt.usedUpAfter({ kind: "retry", reason, delayMs: 1, usesAttempt });
    assert.deepEqual([usedUp?.isUnended, usedUp?.deaths], [deaths && true, deaths]);
  });
}

Deno.test("Attempt keeps an end that was decided earlier", () => {
  const error = { name: "Error", message: "no" };
  const ending = { kind: "dead-letter", reason: "rejected", attempts: 2, error } as const;
  const attempt = counted(3, { begun: 2, excused: 0, mayHaveEmitted: true, ending }, 5);
  assert.deepEqual(attempt.ending, ending);
  assert.equal(attempt.usedUpAfter(ending)?.wasDecided, true);
});

const FIRST = "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01";
const SECOND = "00-0af7651916cd43dd8448eb211c80319c-2222222222222222-01";

for (
  const [what, deliveries, stored, history, previous] of [
    ["a first delivery has none", 1, undefined, undefined, undefined],
    ["a delayed retry has the one that came with it", 1, undefined, FIRST, FIRST],
    ["a redelivery has the stored one", 2, SECOND, FIRST, SECOND],
    ["a redelivery without a stored one has the one that came with it", 2, undefined, FIRST, FIRST],
  ] as const
) {
  Deno.test(`Attempt.previousTrace: ${what}, which a crash keeps`, () => {
    const counts = stored && { begun: 1, excused: 0, mayHaveEmitted: true, attemptTrace: stored };
    const got = counted(deliveries, counts, 5, { ...NEVER, ...(history && { attemptTrace: history }) });
    assert.equal(got.previousTrace, previous);
    if (deliveries > 1) assert.equal(got.countsAtStart?.attemptTrace, previous);
  });
}

Deno.test("Attempt.usedUpAfter counts an attempt only for an outcome that uses it", () => {
  const retry = { kind: "retry", reason: "failed", delayMs: 1, usesAttempt: true } as const;
  const usedUpAfter = (outcome: Parameters<Attempt["usedUpAfter"]>[0]) => {
    const { attempts, excusedDeliveries } = counted(1, undefined, 5).usedUpAfter(outcome) ?? {};
    return [attempts, excusedDeliveries];
  };
  assert.deepEqual(usedUpAfter(retry), [1, 0]);
  assert.deepEqual(usedUpAfter({ ...retry, usesAttempt: false }), [0, 1]);
  for (const kind of ["ack", "lease-expired"] as const) {
    assert.deepEqual(usedUpAfter({ kind }), [undefined, undefined]);
  }
});

Deno.test("Attempt counts deliveries that wait for another release by themselves, over retries and redeliveries", () => {
  const history = { attempts: 0, excusedDeliveries: 80, otherReleaseDeliveries: 2, redrives: 0 };
  const refused = { kind: "retry", reason: "breaker-open", delayMs: 1, usesAttempt: false } as const;
  for (const [reason, added] of [["breaker-open", 0], ["newer-version", 1], ["unknown-subject", 1]] as const) {
    const first = counted(1, undefined, 5, history).usedUpAfter({ ...refused, reason });
    assert.deepEqual([first?.excusedDeliveries, first?.otherReleaseDeliveries], [81, 2 + added], reason);
    const stored = { begun: 1, excused: 5, otherRelease: 4, mayHaveEmitted: true };
    const redelivered = counted(3, stored, 5, history);
    assert.equal(redelivered.countsAtStart?.otherRelease, 4);
    const later = redelivered.usedUpAfter({ ...refused, reason });
    assert.deepEqual([later?.excusedDeliveries, later?.otherReleaseDeliveries], [86, 6 + added], reason);
  }
});

Deno.test("Attempt.usedUpAfter has the trace of its own span, if there is one", () => {
  const attempt = counted(1, undefined, 5),
    retry = { kind: "retry", reason: "failed", delayMs: 1, usesAttempt: true } as const;
  assert.equal("attemptTrace" in attempt.usedUpAfter(retry)!, false);
  const traceId = "0af7651916cd43dd8448eb211c80319c", spanId = "1111111111111111";
  attempt.span = Object.assign(Object.create(NO_SPAN), { spanContext: () => ({ traceId, spanId, traceFlags: 1 }) });
  assert.equal(attempt.usedUpAfter(retry)?.attemptTrace, FIRST);
});

Deno.test("Attempt of an event that vanished once carries that through a deferral, and then stores its start", () => {
  const deferred = { kind: "retry", reason: "rate-limited", delayMs: 6_000, usesAttempt: false } as const;
  const unwritten = { begun: 0, excused: 0, mayHaveEmitted: true };
  for (const stored of [undefined, unwritten]) {
    const attempt = counted(2, stored, 1), usedUp = attempt.usedUpAfter(deferred)!;
    assert.deepEqual([attempt.number, usedUp.attempts, usedUp.hasVanished], [1, 0, true]);
    const next = counted(1, undefined, 1, { ...NEVER, isUnended: usedUp.hasVanished });
    assert.partialDeepStrictEqual(next.countsAtStart, { begun: 1, isUnended: true });
    assert.equal(next.usedUpAfter(deferred)!.isUnended, true);
    const failed = { ...deferred, reason: "failed", usesAttempt: true } as const;
    assert.equal(next.usedUpAfter(failed)!.isUnended, undefined);
  }
  assert.equal(counted(1, undefined, 1).usedUpAfter(deferred)!.hasVanished, undefined);
});
