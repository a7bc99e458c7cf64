import assert from "node:assert/strict";
import fc from "fast-check";
import {
  admit,
  type BreakerPolicy,
  type BreakerState,
  CLOSED,
  permits,
  record,
  type Verdict,
} from "../../runtime/core/breaker.ts";

const POLICY: BreakerPolicy = { consecutiveFailures: 3, intervalMs: 1_000, openForMs: 500, halfOpenProbes: 2 };

const closed = (generation: number, failures: number, firstFailureMs: number): BreakerState => (
  { kind: "closed", generation, failures, firstFailureMs }
);
const open = (generation: number, untilMs: number): BreakerState => ({ kind: "open", generation, untilMs });
const halfOpen = (generation: number, probing: number, passed: number): BreakerState => (
  { kind: "half-open", generation, probing, passed }
);

const reports: [what: string, from: BreakerState, report: [Verdict, number, atMs: number], to: BreakerState][] = [
  ["a first failure begins a run", closed(0, 0, 0), ["failure", 0, 100], closed(0, 1, 100)],
  ["a failure within the interval adds to the run", closed(0, 1, 100), ["failure", 0, 1_100], closed(0, 2, 100)],
  ["a failure after the interval begins a new run", closed(0, 2, 100), ["failure", 0, 1_101], closed(0, 1, 1_101)],
  ["the third failure of a run opens it", closed(4, 2, 100), ["failure", 4, 200], open(5, 700)],
  ["an ignored result leaves the run as it is", closed(0, 2, 100), ["ignored", 0, 200], closed(0, 2, 100)],
  ["a late result of an earlier time closed is dropped", closed(4, 2, 100), ["failure", 2, 200], closed(4, 2, 100)],
  ["an open breaker does not listen", open(5, 700), ["success", 5, 600], open(5, 700)],
  ["a result from before it opened is dropped", open(5, 700), ["failure", 4, 600], open(5, 700)],
  ["a first probe that passed is not enough of two", halfOpen(6, 2, 0), ["success", 6, 800], halfOpen(6, 1, 1)],
  ["the second probe that passed closes it", halfOpen(6, 1, 1), ["success", 6, 800], closed(7, 0, 0)],
  ["one probe that failed opens it again", halfOpen(6, 1, 1), ["failure", 6, 800], open(7, 1_300)],
  ["an ignored probe gives its slot back", halfOpen(6, 2, 0), ["ignored", 6, 800], halfOpen(6, 1, 0)],
  ["a result from before it opened is no probe's", halfOpen(6, 1, 0), ["success", 4, 800], halfOpen(6, 1, 0)],
  ["a failure from before it opened is no probe's", halfOpen(6, 1, 0), ["failure", 4, 800], halfOpen(6, 1, 0)],
];
for (const [what, from, [verdict, generation, atMs], to] of reports) {
  Deno.test(`record: ${what}`, () => assert.deepEqual(record(from, POLICY, verdict, generation, atMs), to));
}

Deno.test("record ends a run of failures at a success", () => {
  const verdicts: Verdict[] = ["failure", "failure", "success", "failure", "failure"];
  const state = verdicts.reduce<BreakerState>((state, verdict, i) => record(state, POLICY, verdict, 0, i), CLOSED);
  assert.equal(state.kind, "closed");
  assert.deepEqual(record(state, POLICY, "failure", 0, 9), open(1, 509));
});

Deno.test("admit on a closed breaker admits every call, and none as a probe", () => {
  const state = closed(4, 2, 100);
  assert.deepEqual(admit(state, POLICY, 200), { admitted: true, state, generation: 4, probe: false });
  assert.equal(permits(state, POLICY, 200), Infinity);
});

const refusals: [what: string, from: BreakerState, atMs: number, retryAtMs: number][] = [
  ["an open breaker refuses until its time", open(5, 700), 699, 700],
  ["a half-open breaker with every probe out refuses", halfOpen(6, 2, 0), 800, 1_300],
  ["a probe that passed does not make room for a third", halfOpen(6, 1, 1), 800, 1_300],
];
for (const [what, state, atMs, retryAtMs] of refusals) {
  Deno.test(`admit: ${what}`, () => {
    assert.deepEqual(admit(state, POLICY, atMs), { admitted: false, state, retryAtMs });
    assert.equal(permits(state, POLICY, atMs), 0);
  });
}

Deno.test("admit refuses a call beyond the probes for one second at most", () => {
  const slow = { ...POLICY, openForMs: 30_000 }, state = halfOpen(6, 2, 0);
  assert.deepEqual(admit(state, slow, 800), { admitted: false, state, retryAtMs: 1_800 });
});

const probes: [what: string, from: BreakerState, atMs: number, permitted: number, to: BreakerState][] = [
  ["at its time an open breaker is half open", open(5, 700), 700, 2, halfOpen(6, 1, 0)],
  ["a half-open breaker admits a second probe", halfOpen(6, 1, 0), 800, 1, halfOpen(6, 2, 0)],
  ["a half-open breaker replaces an ignored probe", halfOpen(6, 0, 1), 800, 1, halfOpen(6, 1, 1)],
];
for (const [what, state, atMs, permitted, to] of probes) {
  Deno.test(`admit: ${what}`, () => {
    assert.equal(permits(state, POLICY, atMs), permitted);
    assert.deepEqual(admit(state, POLICY, atMs), { admitted: true, state: to, generation: 6, probe: true });
  });
}

type Step = { passMs: number } | { verdict: Verdict; of: number } | "admit";
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant("admit" as const) },
    {
      weight: 3,
      arbitrary: fc.record({ verdict: fc.constantFrom<Verdict>("success", "failure", "ignored"), of: fc.nat(20) }),
    },
    { weight: 1, arbitrary: fc.record({ passMs: fc.nat(800) }) },
  ),
  { maxLength: 80 },
);
const policies = fc.record({
  consecutiveFailures: fc.integer({ min: 1, max: 4 }),
  intervalMs: fc.integer({ min: 1, max: 2_000 }),
  openForMs: fc.integer({ min: 1, max: 1_500 }),
  halfOpenProbes: fc.integer({ min: 1, max: 4 }),
});

/** Runs the steps. Calls back after each with the state, the time, and the generation of every open permit. */
function play(
  policy: BreakerPolicy,
  all: Step[],
  check: (state: BreakerState, now: number, open: number[]) => void,
): { state: BreakerState; now: number; out: number[] } {
  let state = CLOSED, now = 0;
  const out: number[] = [];
  for (const step of all) {
    if (step === "admit") {
      const answer = admit(state, policy, now);
      state = answer.state;
      if (answer.admitted) out.push(answer.generation);
    } else if ("passMs" in step) now += step.passMs;
    else if (out.length > 0) {
      const [generation] = out.splice(step.of % out.length, 1);
      state = record(state, policy, step.verdict, generation, now);
    }
    check(state, now, out);
  }
  return { state, now, out };
}

Deno.test("admit and record keep to the number of probes, and generations only grow", () => {
  fc.assert(fc.property(policies, steps, (policy, all) => {
    let generation = 0;
    play(policy, all, (state, _now, out) => {
      assert.ok(state.generation >= generation);
      generation = state.generation;
      if (state.kind !== "half-open") return;
      const probing = out.filter((one) => one === state.generation).length;
      assert.equal(state.probing, probing);
      assert.ok(probing + state.passed <= policy.halfOpenProbes);
    });
  }));
});

Deno.test("permits is the number of calls that admit then admits", () => {
  fc.assert(fc.property(policies, steps, (policy, all) => {
    play(policy, all, (state, now) => {
      let next = state, admitted = 0;
      const said = permits(state, policy, now);
      for (; admitted < Math.min(said, 10); admitted++) {
        const answer = admit(next, policy, now);
        assert.ok(answer.admitted);
        next = answer.state;
      }
      if (said === Infinity) return;
      const refusal = admit(next, policy, now);
      assert.ok(!refusal.admitted && refusal.retryAtMs > now, `one more than ${said} was admitted`);
    });
  }));
});

Deno.test("admit admits again once every call is recorded and openForMs is over", () => {
  const last = fc.constantFrom<Verdict>("success", "failure", "ignored");
  fc.assert(fc.property(policies, steps, last, (policy, all, verdict) => {
    const { state, now, out } = play(policy, all, () => {});
    const settled = out.reduce((state, generation) => record(state, policy, verdict, generation, now), state);
    assert.ok(admit(settled, policy, now + policy.openForMs).admitted);
  }));
});
