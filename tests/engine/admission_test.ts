import assert from "node:assert/strict";
import { CircuitBreaker } from "../../runtime/engine/circuit_breaker.ts";
import { Admission } from "../../runtime/engine/admission.ts";
import type { BreakerPolicy } from "../../runtime/core/breaker.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { BREAKER } from "../support/invocation.ts";

/** Gates, the permits at each of their calls, and breakers to put in them. */
function setup() {
  const clock = new TestClock(), gates = new Admission(clock), heard: number[] = [];
  gates.onChange(() => heard.push(gates.permits()));
  const newBreaker = (policy: Partial<BreakerPolicy> = {}) =>
    new CircuitBreaker("Payments", "dependency", { ...BREAKER, ...policy }, clock, () => {});
  return { clock, gates, heard, newBreaker };
}

function report(breaker: CircuitBreaker, verdict: "success" | "failure"): void {
  const answer = breaker.admit();
  assert.ok(answer.admitted);
  answer.report(verdict);
}

function trip(breaker: CircuitBreaker): void {
  report(breaker, "failure");
  report(breaker, "failure");
}

Deno.test("without a breaker everything passes", () => assert.equal(setup().gates.permits(), Infinity));

Deno.test("as many pass as the narrowest breaker lets through", () => {
  const { clock, gates, newBreaker } = setup();
  const wide = newBreaker({ halfOpenProbes: 3 }), narrow = newBreaker({ halfOpenProbes: 2, openForMs: 20_000 });
  for (const breaker of [wide, narrow]) gates.add(breaker);
  assert.equal(gates.permits(), Infinity);
  trip(wide);
  assert.equal(gates.permits(), 0);
  clock.move(10_000);
  assert.equal(gates.permits(), 3);
  trip(narrow);
  assert.equal(gates.permits(), 0);
  clock.move(20_000);
  assert.equal(gates.permits(), 2);
});

Deno.test("it is told when an open breaker's time is up, and when it has closed", () => {
  const { clock, gates, heard, newBreaker } = setup();
  const breaker = newBreaker();
  gates.add(breaker);
  trip(breaker);
  clock.move(9_999);
  assert.deepEqual(heard, []);
  clock.move(1);
  assert.deepEqual(heard, [1]);
  report(breaker, "success");
  assert.equal(heard.at(-1), Infinity);
});

Deno.test("a breaker that opens again is waited for again", () => {
  const { clock, gates, heard, newBreaker } = setup();
  const breaker = newBreaker();
  gates.add(breaker);
  trip(breaker);
  clock.move(10_000);
  report(breaker, "failure");
  assert.equal(gates.permits(), 0);
  const before = heard.length;
  clock.move(10_000);
  assert.deepEqual(heard.slice(before), [1]);
});

Deno.test("a breaker added twice is one", () => {
  const { clock, gates, heard, newBreaker } = setup();
  const breaker = newBreaker();
  gates.add(breaker);
  gates.add(breaker);
  trip(breaker);
  clock.move(10_000);
  assert.deepEqual(heard, [1]);
});

Deno.test("a breaker that was open before it was added is waited for as well", () => {
  const { clock, gates, heard, newBreaker } = setup();
  const breaker = newBreaker();
  trip(breaker);
  clock.move(4_000);
  gates.add(breaker);
  assert.equal(gates.permits(), 0);
  clock.move(6_000);
  assert.deepEqual(heard, [1]);
});

Deno.test("a timer that comes early, as a long one does, waits for the rest of the time", () => {
  const clock = new TestClock(), heard: number[] = [];
  const { now, random } = clock, timer = (ms: number, f: () => void) => clock.timer(Math.min(ms, 4_000), f);
  const gates = new Admission({ now, random, timer });
  const breaker = new CircuitBreaker("Payments", "dependency", BREAKER, clock, () => {});
  gates.onChange(() => heard.push(gates.permits()));
  gates.add(breaker);
  trip(breaker);
  clock.move(9_999);
  assert.deepEqual(heard, []);
  clock.move(1);
  assert.deepEqual(heard, [1]);
});

Deno.test("closed gates stop their timers and say nothing more", () => {
  const { clock, gates, heard, newBreaker } = setup();
  const breaker = newBreaker();
  gates.add(breaker);
  trip(breaker);
  assert.equal(clock.timers, 1);
  gates.close();
  assert.equal(clock.timers, 0);
  clock.move(10_000);
  report(breaker, "success");
  assert.deepEqual(heard, []);
});

Deno.test("a breaker that opens after the gates were closed sets no timer: nothing would end it", () => {
  const { clock, gates, newBreaker } = setup();
  const breaker = newBreaker();
  gates.add(breaker);
  gates.close();
  trip(breaker);
  assert.equal(clock.timers, 0);
});
