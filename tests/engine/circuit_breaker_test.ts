import assert from "node:assert/strict";
import { type Answer, CircuitBreaker, type Permit } from "../../runtime/engine/circuit_breaker.ts";
import type { BreakerChange } from "../../runtime/engine/ports.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { BREAKER } from "../support/invocation.ts";

function setup(policy = BREAKER) {
  const clock = new TestClock(), changes: BreakerChange[] = [];
  const breaker = new CircuitBreaker("Payments", "dependency", policy, clock, (change) => changes.push(change));
  const trip = () => {
    for (let i = 0; i < policy.consecutiveFailures; i++) permit(breaker.admit()).report("failure");
  };
  return { breaker, clock, changes, trip };
}

function permit(answer: Answer): Permit {
  assert.ok(answer.admitted);
  return answer;
}

Deno.test("a breaker goes from closed to open to half open and back, and tells each change", () => {
  const { breaker, clock, changes, trip } = setup();
  assert.equal(breaker.permits(), Infinity);
  trip();
  assert.equal(breaker.permits(), 0);
  assert.deepEqual(breaker.admit(), { admitted: false, retryAtMs: clock.nowMs + 10_000 });
  clock.move(10_000);
  assert.equal(breaker.permits(), 1);
  const probe = permit(breaker.admit());
  assert.equal(probe.probe, true);
  assert.equal(breaker.permits(), 0);
  probe.report("success");
  assert.equal(breaker.permits(), Infinity);
  const who = { name: "Payments", of: "dependency", openForMs: 10_000 };
  assert.deepEqual(changes, [
    { ...who, from: "closed", to: "open" },
    { ...who, from: "open", to: "half-open" },
    { ...who, from: "half-open", to: "closed" },
  ]);
});

Deno.test("a permit reports once: what it says later is not heard", () => {
  const { breaker } = setup();
  const one = permit(breaker.admit());
  one.report("failure");
  one.report("failure");
  assert.equal(breaker.state.kind, "closed");
  permit(breaker.admit()).report("failure");
  assert.equal(breaker.state.kind, "open");
});

Deno.test("a probe that reported cannot give its slot back twice", () => {
  const { breaker, clock, trip } = setup({ ...BREAKER, halfOpenProbes: 2 });
  trip();
  clock.move(10_000);
  const probes = [permit(breaker.admit()), permit(breaker.admit())];
  probes[0].report("ignored");
  probes[0].report("ignored");
  assert.equal(breaker.permits(), 1);
});

Deno.test("a call from before it opened says nothing once it is half open", () => {
  const { breaker, clock, trip } = setup();
  const slow = permit(breaker.admit());
  trip();
  clock.move(10_000);
  const probe = permit(breaker.admit());
  slow.report("failure");
  assert.equal(breaker.state.kind, "half-open");
  probe.report("success");
  assert.equal(breaker.state.kind, "closed");
});

Deno.test("a failed probe opens it for its whole time again", () => {
  const { breaker, clock, trip } = setup();
  trip();
  clock.move(12_000);
  permit(breaker.admit()).report("failure");
  assert.deepEqual(breaker.admit(), { admitted: false, retryAtMs: clock.nowMs + 10_000 });
});

Deno.test("a breaker whose time is up stays open until somebody asks", () => {
  const { breaker, clock, trip } = setup();
  trip();
  clock.move(20_000);
  assert.equal(breaker.state.kind, "open");
  assert.equal(breaker.admit().admitted, true);
  assert.equal(breaker.state.kind, "half-open");
});

Deno.test("listeners hear every change of what is permitted, and nothing while it stays closed", () => {
  const { breaker, clock, trip } = setup();
  const heard: string[] = [];
  breaker.onChange(() => heard.push(`${breaker.state.kind} ${breaker.permits()}`));
  permit(breaker.admit()).report("failure");
  permit(breaker.admit()).report("success");
  assert.deepEqual(heard, []);
  trip();
  breaker.admit();
  clock.move(10_000);
  permit(breaker.admit()).report("ignored");
  permit(breaker.admit()).report("success");
  assert.deepEqual(heard, ["open 0", "half-open 0", "half-open 1", "half-open 0", "closed Infinity"]);
});
