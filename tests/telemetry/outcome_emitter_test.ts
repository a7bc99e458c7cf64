import assert from "node:assert/strict";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { MeteredObserver } from "../../runtime/telemetry/metered_observer.ts";
import { Metrics } from "../../runtime/telemetry/metrics.ts";
import { OutcomeEmitter } from "../../runtime/telemetry/outcome_emitter.ts";
import type { Settled } from "../../runtime/engine/observer.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

function observing() {
  const outcomes = new OutcomeEmitter();
  const inner = { begin() {}, end() {}, breakerChanged() {} };
  const observer = new MeteredObserver(inner, new Metrics("test"), new TestClock(0), outcomes);
  const attempt = { functionName: "pay", delivery: { deliveryCount: 1 }, startedAtMs: 0, endedAtMs: 1 } as Attempt;
  const settle = (outcome: Outcome) => {
    observer.begin(attempt);
    observer.end(attempt, outcome, { ok: true });
  };
  return { outcomes, attempt, settle };
}

Deno.test("OutcomeEmitter emits every outcome, with its attempt, until the listener is removed", () => {
  const { outcomes, attempt, settle } = observing();
  const heard: Settled[] = [];
  settle({ kind: "ack" });
  const stop = outcomes.listen((settled) => heard.push(settled));
  settle({ kind: "lease-expired" });
  stop();
  settle({ kind: "ack" });
  assert.deepEqual(heard.map(({ durationMs: _, ...rest }) => rest), [
    { attempt, outcome: { kind: "lease-expired" } },
  ]);
  assert.equal(heard[0].durationMs, 1);
});

Deno.test("OutcomeEmitter ignores errors of a listener: other listeners are not affected", () => {
  const { outcomes, settle } = observing();
  let heard = 0;
  outcomes.listen(() => {
    throw new Error("mine");
  });
  outcomes.listen(() => heard++);
  settle({ kind: "ack" });
  assert.equal(heard, 1);
});
