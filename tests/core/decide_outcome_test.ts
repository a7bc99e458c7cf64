import assert from "node:assert/strict";
import fc from "fast-check";
import type { Outcome, Result, RetryReason } from "../../runtime/core/outcome.ts";
import {
  breakerVerdict,
  decideOutcome,
  decideUnknownSubject,
  deferForBreaker,
  PROBE_USES_ATTEMPT_AGE_MS,
  type RetryContext,
  USES_ATTEMPT_FROM,
} from "../../runtime/core/decide_outcome.ts";
import type { Verdict } from "../../runtime/core/breaker.ts";

const error = { name: "Error", message: "no" };
const GIVEN: RetryContext = {
  number: 1,
  excusedDeliveries: 0,
  otherReleaseDeliveries: 0,
  retry: { attempts: 3, initialMs: 100, maxMs: 1_000, factor: 2, jitter: "none" },
  nowMs: 10_000,
  serverNowMs: 10_000,
  ageMs: 60_000,
  random: 0.5,
};
const LAST = { number: 3 };
const again = (reason: RetryReason, delayMs: number): Outcome => (
  { kind: "retry", reason, delayMs, usesAttempt: true, error }
);
const free = (reason: RetryReason, delayMs: number): Outcome => (
  { kind: "retry", reason, delayMs, usesAttempt: false, error }
);
const exhausted: Outcome = { kind: "dead-letter", reason: "attempts-exhausted", attempts: 3, error };
const refusedEmit: Result = { kind: "emit-failed", transient: false, error };
const outage: Result = { kind: "emit-failed", transient: true, error };
const needed: Result = { kind: "resource-unavailable", error };
const refusal = (retryAtMs: number, probeFailed = false): Result => (
  { kind: "dependency-open", dependency: "Payments", retryAtMs, probeFailed, error }
);

const rows: [what: string, result: Result, given: Partial<RetryContext>, outcome: Outcome][] = [
  ["a handler that returned acks", { kind: "returned" }, {}, { kind: "ack" }],
  ["the last attempt acks like any other", { kind: "returned" }, LAST, { kind: "ack" }],
  ["a throw is retried after the backoff", { kind: "failed", error }, {}, again("failed", 100)],
  ["the second throw waits twice as long", { kind: "failed", error }, { number: 2 }, again("failed", 200)],
  ["the last throw exhausts the attempts", { kind: "failed", error }, LAST, exhausted],
  ["a timeout is retried after the backoff", { kind: "timed-out", error }, {}, again("timed-out", 100)],
  ["the last timeout exhausts the attempts", { kind: "timed-out", error }, LAST, exhausted],
  ["emits that were not stored are retried", refusedEmit, {}, again("emit-failed", 100)],
  ["at last, emits that were not stored exhaust the attempts", refusedEmit, LAST, exhausted],
  ["emits that cannot be stored at all are retried, and use no attempt", outage, LAST, free("emit-failed", 100)],
  ["the longer they cannot be stored the longer they wait", outage, { excusedDeliveries: 2 }, free("emit-failed", 400)],
  ["a rejection is a dead letter at once", { kind: "rejected", error }, {}, {
    kind: "dead-letter",
    reason: "rejected",
    attempts: 1,
    error,
  }],
  [
    "retry-after waits as long as it says",
    { kind: "retry-after", delayMs: 7_777, error },
    {},
    again("retry-after", 7_777),
  ],
  [
    "retry-after of nothing waits one millisecond",
    { kind: "retry-after", delayMs: 0, error },
    {},
    again("retry-after", 1),
  ],
  [
    "retry-after of a time waits until then",
    { kind: "retry-after", atMs: 9_000, error },
    { serverNowMs: 1_000 },
    again("retry-after", 8_000),
  ],
  ["retry-after of a time that is past waits one millisecond", { kind: "retry-after", atMs: 1, error }, {
    nowMs: 9_000,
  }, again("retry-after", 1)],
  [
    "retry-after without a time waits for the backoff",
    { kind: "retry-after", error },
    { number: 2 },
    again("retry-after", 200),
  ],
  [
    "a service of NATS that does not answer uses no attempt",
    { kind: "unavailable", error },
    LAST,
    free("state-unavailable", 100),
  ],
  [
    "the longer it does not answer the longer it waits",
    { kind: "unavailable", error },
    { excusedDeliveries: 2 },
    free("state-unavailable", 400),
  ],
  ["a resource that is unavailable uses no attempt", needed, LAST, free("resource-unavailable", 100)],
  [
    "the longer it is unavailable the longer it waits",
    needed,
    { excusedDeliveries: 2 },
    free("resource-unavailable", 400),
  ],
  [
    "after a hundred free deliveries a resource that is unavailable uses an attempt",
    needed,
    { excusedDeliveries: USES_ATTEMPT_FROM },
    again("failed", 100),
  ],
  [
    "and exhausts the attempts at last",
    needed,
    { ...LAST, excusedDeliveries: USES_ATTEMPT_FROM },
    exhausted,
  ],
  ["the last retry-after exhausts the attempts", { kind: "retry-after", delayMs: 5, error }, LAST, exhausted],
  ["an open dependency waits until it may close, and a spread", refusal(12_000), {}, free("dependency-open", 2_100)],
  ["the spread grows with every such wait", refusal(12_000), { excusedDeliveries: 2 }, free("dependency-open", 2_400)],
  [
    "an open dependency never uses an attempt up",
    refusal(12_000),
    { number: 3, excusedDeliveries: 5_000 },
    free("dependency-open", 3_000),
  ],
  ["a dependency that may close by now is tried after the spread", refusal(9_000), {}, free("dependency-open", 100)],
  [
    "a failed probe is forgiven",
    refusal(12_000, true),
    { number: 3, excusedDeliveries: 99, ageMs: PROBE_USES_ATTEMPT_AGE_MS },
    free("dependency-open", 3_000),
  ],
  [
    "a failed probe of a long outage is forgiven, however often",
    refusal(12_000, true),
    { number: 3, excusedDeliveries: 1_000_000, ageMs: PROBE_USES_ATTEMPT_AGE_MS - 1 },
    free("dependency-open", 3_000),
  ],
  [
    "a failed probe of an old event is not forgiven for ever",
    refusal(12_000, true),
    { excusedDeliveries: 100, ageMs: PROBE_USES_ATTEMPT_AGE_MS },
    again("failed", 3_000),
  ],
  [
    "at last a failed probe exhausts the attempts",
    refusal(12_000, true),
    { number: 3, excusedDeliveries: 100, ageMs: PROBE_USES_ATTEMPT_AGE_MS },
    exhausted,
  ],
  ["a shutdown gives back at once", { kind: "shutdown" }, LAST, {
    kind: "retry",
    reason: "shutdown",
    delayMs: 0,
    usesAttempt: false,
  }],
];
for (const [what, result, given, outcome] of rows) {
  Deno.test(`decideOutcome: ${what}`, () => assert.deepEqual(decideOutcome(result, { ...GIVEN, ...given }), outcome));
}

Deno.test("deferForBreaker retries once the breaker may close, and uses no attempt", () => {
  assert.deepEqual(deferForBreaker("breaker-open", 10_250.5, { ...GIVEN, number: 3 }), {
    kind: "retry",
    reason: "breaker-open",
    delayMs: 351,
    usesAttempt: false,
    error: undefined,
  });
});

for (
  const [what, otherReleaseDeliveries, delayMs] of [
    ["is delivered again after a second", 0, 1_250],
    ["soon waits outside its consumer, whose places other events need", 15, 6_250],
    ["waits no longer for three minutes, since another version may receive it", 49, 6_250],
    ["waits a minute and a half at the most", 79, 75_000],
  ] as const
) {
  Deno.test(`decideUnknownSubject: an event ${what}`, () => {
    const retry = { attempts: 3, initialMs: 100, maxMs: 60_000, factor: 2, jitter: "none" } as const;
    const outcome = decideUnknownSubject("orders.new", {
      number: 1,
      excusedDeliveries: otherReleaseDeliveries + 1_000, // for other reasons
      otherReleaseDeliveries,
      retry,
      nowMs: 0,
      serverNowMs: 0,
      ageMs: 0,
      random: 0.5,
    });
    assert.ok(outcome.kind === "retry" && outcome.reason === "unknown-subject" && !outcome.usesAttempt);
    assert.equal(outcome.delayMs, delayMs);
  });
}

Deno.test("decideUnknownSubject ends an event that no version handles as `invalid`, with no attempt used", () => {
  const retry = { attempts: 3, initialMs: 100, maxMs: 60_000, factor: 2, jitter: "none" } as const;
  const outcome = decideUnknownSubject("orders.new", {
    number: 1,
    excusedDeliveries: 80,
    otherReleaseDeliveries: 80,
    retry,
    nowMs: 0,
    serverNowMs: 0,
    ageMs: 0,
    random: 0.5,
  });
  assert.ok(outcome.kind === "dead-letter" && outcome.reason === "invalid" && outcome.attempts === 0);
});

Deno.test("decideUnknownSubject retries for half an hour at least, longer than a rolling deploy takes", () => {
  let waitedMs = 0;
  for (let otherReleaseDeliveries = 0; otherReleaseDeliveries < 80; otherReleaseDeliveries++) {
    const outcome = decideUnknownSubject("orders.new", { ...GIVEN, otherReleaseDeliveries, random: 0 });
    if (outcome.kind === "retry") waitedMs += outcome.delayMs;
  }
  assert.ok(waitedMs > 1_800_000, `${waitedMs} ms`);
});

Deno.test("USES_ATTEMPT_FROM is a hundred excused deliveries", () => assert.equal(USES_ATTEMPT_FROM, 100));

Deno.test("PROBE_USES_ATTEMPT_AGE_MS is three days", () => assert.equal(PROBE_USES_ATTEMPT_AGE_MS, 3 * 86_400_000));

const verdicts: [result: Result, verdict: Verdict][] = [
  [{ kind: "returned" }, "success"],
  [{ kind: "rejected", error }, "success"],
  [{ kind: "failed", error }, "failure"],
  [{ kind: "timed-out", error }, "failure"],
  [{ kind: "failed", error, dependency: "Payments" }, "ignored"],
  [{ kind: "timed-out", error, dependency: "Payments" }, "ignored"],
  [{ kind: "retry-after", delayMs: 1, error }, "ignored"],
  [{ kind: "unavailable", error }, "ignored"],
  [refusedEmit, "ignored"],
  [outage, "ignored"],
  [refusal(12_000), "ignored"],
  [refusal(12_000, true), "ignored"],
  [{ kind: "shutdown" }, "ignored"],
];
for (const [result, expected] of verdicts) {
  const where = "dependency" in result ? " in a dependency" : "";
  Deno.test(`breakerVerdict of ${result.kind}${where} is ${expected}`, () => {
    assert.equal(breakerVerdict(result), expected);
  });
}

const results = fc.oneof(
  fc.constantFrom<Result>({ kind: "failed", error }, { kind: "timed-out", error }, refusedEmit, needed),
  fc.nat(1e9).map((delayMs): Result => ({ kind: "retry-after", delayMs, error })),
  fc.record({ at: fc.integer({ min: -1e9, max: 1e9 }), probe: fc.boolean() }).map(({ at, probe }) =>
    refusal(at, probe)
  ),
);
const circumstances = fc.record({
  number: fc.integer({ min: 1, max: 200 }),
  excusedDeliveries: fc.nat(10_000),
  otherReleaseDeliveries: fc.nat(100),
  retry: fc.record({
    attempts: fc.integer({ min: 1, max: 200 }),
    initialMs: fc.integer({ min: 1, max: 1e6 }),
    maxMs: fc.integer({ min: 1, max: 1e6 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    jitter: fc.constantFrom("full" as const, "none" as const),
  }),
  nowMs: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  serverNowMs: fc.constant(0),
  ageMs: fc.constantFrom(0, PROBE_USES_ATTEMPT_AGE_MS),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

Deno.test("decideOutcome delays every retry but a shutdown's, and none comes before a breaker may close", () => {
  fc.assert(fc.property(results, circumstances, (result, given) => {
    const outcome = decideOutcome(result, given);
    if (outcome.kind !== "retry") return assert.ok(given.number >= given.retry.attempts);
    assert.ok(Number.isInteger(outcome.delayMs) && outcome.delayMs >= 1, `${outcome.delayMs}`);
    if (result.kind === "dependency-open") assert.ok(given.nowMs + outcome.delayMs >= result.retryAtMs);
  }));
});
