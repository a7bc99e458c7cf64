import assert from "node:assert/strict";
import type { Invocation, PublishResult, Scope } from "../../runtime/engine/ports.ts";
import type { OutgoingEvent } from "../../runtime/core/event.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { MeteredObserver } from "../../runtime/telemetry/metered_observer.ts";
import { MeteredPublisher } from "../../runtime/telemetry/metered_publisher.ts";
import { Metrics } from "../../runtime/telemetry/metrics.ts";
import { OutcomeEmitter } from "../../runtime/telemetry/outcome_emitter.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { readPage } from "../support/metrics_page.ts";

const SCOPE = {} as Scope;
const ERROR = { name: "TypeError", message: "out of stock" };

/** An observer that only runs, and what is counted of it. */
function observing() {
  const metrics = new Metrics("test"), changes: unknown[] = [];
  const inner = {
    observe: <O extends Outcome>(_: Invocation, run: (scope: Scope) => Promise<O>) => run(SCOPE),
    breakerChanged: (change: unknown) => void changes.push(change),
  };
  const observer = new MeteredObserver(inner, metrics, new TestClock(5_000), new OutcomeEmitter());
  const see = (outcome: Outcome, deliveryCount = 1) => {
    const invocation = { functionName: "pay", delivery: { deliveryCount } } as Invocation;
    return observer.observe(invocation, (scope) => {
      assert.equal(scope, SCOPE);
      return Promise.resolve(outcome);
    });
  };
  const counted = async (name: string) =>
    readPage(await metrics.page()).filter((one) => one.name === name)
      .map(({ labels: { function: _, ...labels }, value }) => [...Object.values(labels), value].join(" "));
  return { observer, see, counted, changes };
}

Deno.test("an outcome is counted by its kind and reason, and comes through as it is", async () => {
  const { see, counted } = observing();
  const outcomes: Outcome[] = [
    { kind: "ack" },
    { kind: "ack", skipped: "delayed" },
    { kind: "ack", skipped: "handled-before" },
    { kind: "lease-expired" },
    { kind: "retry", delayMs: 1, reason: "timed-out", usesAttempt: true, error: ERROR },
    { kind: "retry", delayMs: 0, reason: "shutdown", usesAttempt: false },
    { kind: "dead-letter", reason: "expired", attempts: 0, error: ERROR },
  ];
  for (const outcome of outcomes) assert.equal(await see(outcome, 2), outcome);
  await see({ kind: "ack" });
  assert.deepEqual(await counted("weir_function_outcomes_total"), [
    "ack  2",
    "ack delayed 1",
    "ack handled-before 1",
    "lease-expired  1",
    "retry timed-out 1",
    "retry shutdown 1",
    "dead-letter expired 1",
  ]);
  assert.deepEqual(await counted("weir_function_deliveries_total"), ["8"]);
  assert.deepEqual(await counted("weir_function_redeliveries_total"), ["7"]);
  const durations = await counted("weir_function_duration_seconds_count");
  assert.deepEqual(durations, ["ack 4", "lease-expired 1", "retry 2", "dead-letter 1"]);
});

Deno.test("a function's counters are there from the start, at nought", async () => {
  const { observer, counted } = observing();
  observer.of("pay");
  assert.deepEqual(await counted("weir_function_deliveries_total"), ["0"]);
  assert.deepEqual(await counted("weir_function_attempts_total"), ["0"]);
  assert.deepEqual(await counted("weir_function_outcomes_total"), ["ack  0"]);
});

Deno.test("the last error is kept until there is another, and what says none does not take it away", async () => {
  const { observer, see } = observing();
  assert.equal(observer.of("pay").lastError, undefined);
  await see({ kind: "retry", delayMs: 1, reason: "failed", usesAttempt: true, error: ERROR });
  await see({ kind: "retry", delayMs: 0, reason: "shutdown", usesAttempt: false });
  await see({ kind: "ack" });
  assert.deepEqual(observer.of("pay").lastError, { atMs: 5_000, reason: "failed", error: ERROR });
});

Deno.test("a breaker's change is counted, and told to the observer inside", async () => {
  const { observer, counted, changes } = observing();
  const change = { name: "Backend", of: "dependency", from: "closed", to: "open", openForMs: 1 } as const;
  observer.breakerChanged(change);
  assert.deepEqual(changes, [change]);
  assert.deepEqual(await counted("weir_breaker_changes_total"), ["dependency Backend open 1"]);
});

Deno.test("storing an event is counted by how it ended, and an error comes through", async () => {
  const metrics = new Metrics("test"), durations = metrics.histogram("weir.publish.duration");
  const answers: (PublishResult | Error)[] = [
    { stream: "S", sequence: 1, duplicate: false },
    { stream: "S", sequence: 1, duplicate: true },
    new Error("full"),
  ];
  const publish = () => {
    const answer = answers.shift()!;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const publisher = new MeteredPublisher({ publish }, durations, (error) => (error as Error).message);
  const event = { type: "orders.created", id: "o1" } as OutgoingEvent;
  assert.deepEqual(await publisher.publish(event), { stream: "S", sequence: 1, duplicate: false });
  assert.equal((await publisher.publish(event)).duplicate, true);
  await assert.rejects(publisher.publish(event), /^Error: full$/);
  const page = readPage(await metrics.page()).filter(({ name }) => name === "weir_publish_duration_seconds_count");
  assert.deepEqual(page.map(({ labels, value }) => ({ ...labels, value })), [
    { type: "orders.created", outcome: "stored", value: 1 },
    { type: "orders.created", outcome: "duplicate", value: 1 },
    { type: "orders.created", outcome: "full", value: 1 },
  ]);
});
