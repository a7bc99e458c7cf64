import assert from "node:assert/strict";
import { CircuitBreaker } from "../../runtime/engine/circuit_breaker.ts";
import { Admission } from "../../runtime/engine/admission.ts";
import type { BreakerPolicy } from "../../runtime/core/breaker.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { BREAKER, NO_SPAN } from "../support/invocation.ts";

/** An admission, the permits at each of its calls back, and breakers to add to it. */
function setup() {
  const clock = new TestClock(), admission = new Admission(clock), heard: number[] = [];
  admission.onMorePermits(() => heard.push(admission.permits()));
  const newBreaker = (policy: Partial<BreakerPolicy> = {}) =>
    new CircuitBreaker("Payments", "dependency", { ...BREAKER, ...policy }, clock, () => {});
  return { clock, admission, heard, newBreaker };
}

function report(breaker: CircuitBreaker, verdict: "success" | "failure"): void {
  const answer = breaker.admit(NO_SPAN);
  assert.ok(answer.admitted);
  answer.report(verdict);
}

function trip(breaker: CircuitBreaker): void {
  report(breaker, "failure");
  report(breaker, "failure");
}

Deno.test("Admission permits everything without a rule", () => assert.equal(setup().admission.permits(), Infinity));

Deno.test("Admission permits the least that any rule permits", () => {
  const { clock, admission, newBreaker } = setup();
  const wide = newBreaker({ halfOpenProbes: 3 }), narrow = newBreaker({ halfOpenProbes: 2, openForMs: 20_000 });
  for (const breaker of [wide, narrow]) admission.add(breaker);
  assert.equal(admission.permits(), Infinity);
  trip(wide);
  assert.equal(admission.permits(), 0);
  clock.move(10_000);
  assert.equal(admission.permits(), 3);
  trip(narrow);
  assert.equal(admission.permits(), 0);
  clock.move(20_000);
  assert.equal(admission.permits(), 2);
});

Deno.test("Admission credits what rules permit less what has arrived, and less what runs unless a rule counts starts", () => {
  const { admission } = setup();
  const rule = { permits: () => 8, admitsAgainAtMs: () => undefined, onChange: () => {} };
  assert.equal(admission.credits(3, 2), Infinity);
  admission.add({ ...rule, countsStarts: true });
  assert.equal(admission.credits(3, 2), 6);
  admission.add(rule);
  assert.equal(admission.credits(3, 2), 3);
});

Deno.test("Admission calls back when a breaker's open time has passed, and when it has closed", () => {
  const { clock, admission, heard, newBreaker } = setup();
  const breaker = newBreaker();
  admission.add(breaker);
  trip(breaker);
  clock.move(9_999);
  assert.deepEqual(heard, []);
  clock.move(1);
  assert.deepEqual(heard, [1]);
  report(breaker, "success");
  assert.equal(heard.at(-1), Infinity);
});

Deno.test("Admission waits again for a breaker that opens again", () => {
  const { clock, admission, heard, newBreaker } = setup();
  const breaker = newBreaker();
  admission.add(breaker);
  trip(breaker);
  clock.move(10_000);
  report(breaker, "failure");
  assert.equal(admission.permits(), 0);
  const before = heard.length;
  clock.move(10_000);
  assert.deepEqual(heard.slice(before), [1]);
});

Deno.test("Admission keeps a rule that is added twice once", () => {
  const { clock, admission, heard, newBreaker } = setup();
  const breaker = newBreaker();
  admission.add(breaker);
  admission.add(breaker);
  trip(breaker);
  clock.move(10_000);
  assert.deepEqual(heard, [1]);
});

Deno.test("Admission waits for a breaker that was open before it was added", () => {
  const { clock, admission, heard, newBreaker } = setup();
  const breaker = newBreaker();
  trip(breaker);
  clock.move(4_000);
  admission.add(breaker);
  assert.equal(admission.permits(), 0);
  clock.move(6_000);
  assert.deepEqual(heard, [1]);
});

Deno.test("Admission sets a timer that fires early again, for the rest of the time", () => {
  const clock = new TestClock(), heard: number[] = [];
  const { now, random } = clock, timer = (ms: number, f: () => void) => clock.timer(Math.min(ms, 4_000), f);
  const admission = new Admission({ now, random, timer });
  const breaker = new CircuitBreaker("Payments", "dependency", BREAKER, clock, () => {});
  admission.onMorePermits(() => heard.push(admission.permits()));
  admission.add(breaker);
  trip(breaker);
  clock.move(9_999);
  assert.deepEqual(heard, []);
  clock.move(1);
  assert.deepEqual(heard, [1]);
});

Deno.test("Admission cancels its timers when closed, and calls back no more", () => {
  const { clock, admission, heard, newBreaker } = setup();
  const breaker = newBreaker();
  admission.add(breaker);
  trip(breaker);
  assert.equal(clock.timers, 1);
  admission.close();
  assert.equal(clock.timers, 0);
  clock.move(10_000);
  report(breaker, "success");
  assert.deepEqual(heard, []);
});

Deno.test("Admission sets no timer once it is closed", () => {
  const { clock, admission, newBreaker } = setup();
  const breaker = newBreaker();
  admission.add(breaker);
  admission.close();
  trip(breaker);
  assert.equal(clock.timers, 0);
});
