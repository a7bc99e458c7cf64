import assert from "node:assert/strict";
import { type BreakerAnswer, CircuitBreaker, type Permit } from "../../runtime/engine/circuit_breaker.ts";
import type { BreakerChange } from "../../runtime/engine/circuit_breaker.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { BREAKER, NO_SPAN } from "../support/invocation.ts";

function setup(policy = BREAKER) {
  const clock = new TestClock(), changes: BreakerChange[] = [];
  const breaker = new CircuitBreaker("Payments", "dependency", policy, clock, (change) => changes.push(change));
  const trip = () => {
    for (let i = 0; i < policy.consecutiveFailures; i++) permit(breaker.admit(NO_SPAN)).report("failure");
  };
  return { breaker, clock, changes, trip };
}

function permit(answer: BreakerAnswer): Permit {
  assert.ok(answer.admitted);
  return answer;
}

Deno.test("CircuitBreaker goes from closed to open to half open and back, and reports each change", () => {
  const { breaker, clock, changes, trip } = setup();
  assert.equal(breaker.permits(), Infinity);
  trip();
  assert.equal(breaker.permits(), 0);
  assert.deepEqual(breaker.admit(NO_SPAN), { admitted: false, retryAtMs: clock.nowMs + 10_000 });
  clock.move(10_000);
  assert.equal(breaker.permits(), 1);
  const probe = permit(breaker.admit(NO_SPAN));
  assert.equal(probe.probe, true);
  assert.equal(breaker.permits(), 0);
  probe.report("success");
  assert.equal(breaker.permits(), Infinity);
  const who = { name: "Payments", of: "dependency", openForMs: 10_000, span: NO_SPAN };
  assert.deepEqual(changes, [
    { ...who, from: "closed", to: "open" },
    { ...who, from: "open", to: "half-open" },
    { ...who, from: "half-open", to: "closed" },
  ]);
});

Deno.test("CircuitBreaker ignores a second report of a permit", () => {
  const { breaker } = setup();
  const one = permit(breaker.admit(NO_SPAN));
  one.report("failure");
  one.report("failure");
  assert.equal(breaker.state.kind, "closed");
  permit(breaker.admit(NO_SPAN)).report("failure");
  assert.equal(breaker.state.kind, "open");
});

Deno.test("CircuitBreaker frees the slot of a probe once", () => {
  const { breaker, clock, trip } = setup({ ...BREAKER, halfOpenProbes: 2 });
  trip();
  clock.move(10_000);
  const probes = [permit(breaker.admit(NO_SPAN)), permit(breaker.admit(NO_SPAN))];
  probes[0].report("ignored");
  probes[0].report("ignored");
  assert.equal(breaker.permits(), 1);
});

Deno.test("CircuitBreaker ignores the report of a call from before its last change", () => {
  const { breaker, clock, trip } = setup();
  const slow = permit(breaker.admit(NO_SPAN));
  trip();
  clock.move(10_000);
  const probe = permit(breaker.admit(NO_SPAN));
  slow.report("failure");
  assert.equal(breaker.state.kind, "half-open");
  probe.report("success");
  assert.equal(breaker.state.kind, "closed");
});

Deno.test("CircuitBreaker opens for its whole time again after a failed probe", () => {
  const { breaker, clock, trip } = setup();
  trip();
  clock.move(12_000);
  permit(breaker.admit(NO_SPAN)).report("failure");
  assert.deepEqual(breaker.admit(NO_SPAN), { admitted: false, retryAtMs: clock.nowMs + 10_000 });
});

Deno.test("CircuitBreaker stays open after its open time until the next call", () => {
  const { breaker, clock, trip } = setup();
  trip();
  clock.move(20_000);
  assert.equal(breaker.state.kind, "open");
  assert.equal(breaker.admit(NO_SPAN).admitted, true);
  assert.equal(breaker.state.kind, "half-open");
});

Deno.test("CircuitBreaker tells listeners each change of its permits, and nothing while it stays closed", () => {
  const { breaker, clock, trip } = setup();
  const heard: string[] = [];
  breaker.onChange(() => heard.push(`${breaker.state.kind} ${breaker.permits()}`));
  permit(breaker.admit(NO_SPAN)).report("failure");
  permit(breaker.admit(NO_SPAN)).report("success");
  assert.deepEqual(heard, []);
  trip();
  breaker.admit(NO_SPAN);
  clock.move(10_000);
  permit(breaker.admit(NO_SPAN)).report("ignored");
  permit(breaker.admit(NO_SPAN)).report("success");
  assert.deepEqual(heard, ["open 0", "half-open 0", "half-open 1", "half-open 0", "closed Infinity"]);
});
