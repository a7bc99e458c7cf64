import assert from "node:assert/strict";
import type { Invocation, Scope } from "../../runtime/engine/ports.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { MeteredObserver } from "../../runtime/telemetry/metered_observer.ts";
import { Metrics } from "../../runtime/telemetry/metrics.ts";
import { OutcomeEmitter, type Settled } from "../../runtime/telemetry/outcome_emitter.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

function observing() {
  const outcomes = new OutcomeEmitter();
  const scope = { span: { spanContext: () => ({ traceId: "abc" }) } } as unknown as Scope;
  const inner = {
    observe: <O extends Outcome>(_: Invocation, run: (scope: Scope) => O) => run(scope),
    breakerChanged: () => {},
  };
  const observer = new MeteredObserver(inner as never, new Metrics("test"), new TestClock(0), outcomes);
  const invocation = { functionName: "pay", delivery: { deliveryCount: 1 } } as Invocation;
  const settle = (outcome: Outcome) => observer.observe(invocation, () => outcome);
  return { outcomes, invocation, settle };
}

Deno.test("OutcomeEmitter emits every outcome, with its invocation and trace, until the listener is removed", () => {
  const { outcomes, invocation, settle } = observing();
  const settled: Settled[] = [];
  settle({ kind: "ack" });
  const stop = outcomes.listen((one) => settled.push(one));
  settle({ kind: "lease-expired" });
  stop();
  settle({ kind: "ack" });
  assert.deepEqual(settled.map(({ durationMs: _, ...rest }) => rest), [
    { invocation, outcome: { kind: "lease-expired" }, traceId: "abc" },
  ]);
  assert.ok(settled[0].durationMs >= 0);
});

Deno.test("OutcomeEmitter ignores errors of a listener: the event and other listeners are not affected", () => {
  const { outcomes, settle } = observing();
  let calls = 0;
  outcomes.listen(() => {
    throw new Error("mine");
  });
  outcomes.listen(() => calls++);
  assert.deepEqual(settle({ kind: "ack" }), { kind: "ack" });
  assert.equal(calls, 1);
});
