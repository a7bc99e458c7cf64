import assert from "node:assert/strict";
import { INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import {
  publishAsync,
  PublishError,
  type PublishListener,
  type PublishResult,
} from "../../runtime/engine/publisher.ts";
import type { OutgoingEvent } from "../../runtime/core/event.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { MeteredObserver } from "../../runtime/telemetry/metered_observer.ts";
import { MeteredPublisher } from "../../runtime/telemetry/metered_publisher.ts";
import { Metrics } from "../../runtime/telemetry/metrics.ts";
import { OutcomeEmitter } from "../../runtime/telemetry/outcome_emitter.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { readPage } from "../support/metrics_page.ts";

const ERROR = { name: "TypeError", message: "out of stock" };

/** A metered observer, the calls of the observer in it, and what it counts. */
function observing() {
  const metrics = new Metrics("test"), changes: unknown[] = [];
  const calls: unknown[] = [];
  const inner = {
    begin: (attempt: Attempt) => void calls.push(attempt),
    end: (attempt: Attempt, outcome: Outcome) => void calls.push(attempt, outcome),
    breakerChanged: (change: unknown) => void changes.push(change),
  };
  const observer = new MeteredObserver(inner, metrics, new TestClock(5_000), new OutcomeEmitter());
  const see = (outcome: Outcome, deliveryCount = 1) => {
    const attempt = { functionName: "pay", delivery: { deliveryCount }, startedAtMs: 0, endedAtMs: 1 } as Attempt;
    observer.begin(attempt);
    observer.end(attempt, outcome, { ok: true });
    assert.deepEqual(calls.splice(0), [attempt, attempt, outcome]);
  };
  const counted = async (name: string) =>
    readPage(await metrics.page()).filter((one) => one.name === name)
      .map(({ labels: { function: _, ...labels }, value }) => [...Object.values(labels), value].join(" "));
  return { observer, see, counted, changes };
}

Deno.test("MeteredObserver counts no outcome that could not be settled: its event is delivered again", async () => {
  const { observer, counted } = observing();
  const attempt = { functionName: "pay", delivery: { deliveryCount: 1 }, startedAtMs: 0, endedAtMs: 1 } as Attempt;
  observer.begin(attempt);
  observer.end(attempt, { kind: "ack" }, { ok: false, error: new Error("closed") });
  assert.deepEqual(await counted("weir_function_outcomes_total"), ["ack  0"]);
});

Deno.test("MeteredObserver counts an outcome by its kind and reason", async () => {
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
  for (const outcome of outcomes) see(outcome, 2);
  see({ kind: "ack" });
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

Deno.test("MeteredObserver starts a function's counters at zero", async () => {
  const { observer, counted } = observing();
  observer.of("pay");
  assert.deepEqual(await counted("weir_function_deliveries_total"), ["0"]);
  assert.deepEqual(await counted("weir_function_attempts_total"), ["0"]);
  assert.deepEqual(await counted("weir_function_outcomes_total"), ["ack  0"]);
});

Deno.test("MeteredObserver keeps the last error until there is another", () => {
  const { observer, see } = observing();
  assert.equal(observer.of("pay").lastError, undefined);
  see({ kind: "retry", delayMs: 1, reason: "failed", usesAttempt: true, error: ERROR });
  see({ kind: "retry", delayMs: 0, reason: "shutdown", usesAttempt: false });
  see({ kind: "ack" });
  assert.deepEqual(observer.of("pay").lastError, { atMs: 5_000, reason: "failed", error: ERROR });
});

Deno.test("MeteredObserver counts a breaker's change and passes it on", async () => {
  const { observer, counted, changes } = observing();
  const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  const change = { name: "Backend", of: "dependency", from: "closed", to: "open", openForMs: 1, span } as const;
  observer.breakerChanged(change);
  assert.deepEqual(changes, [change]);
  assert.deepEqual(await counted("weir_breaker_changes_total"), ["dependency Backend open 1"]);
});

Deno.test("MeteredPublisher counts a publish by its result, and passes the result on", async () => {
  const metrics = new Metrics("test"), durations = metrics.histogram("weir.publish.duration");
  const answers: (PublishResult | Error)[] = [
    { stream: "S", sequence: 1, duplicate: false },
    { stream: "S", sequence: 1, duplicate: true },
    new PublishError("full", "the stream is full"),
  ];
  const publish = (_event: OutgoingEvent, listener: PublishListener) => {
    const answer = answers.shift()!;
    if (answer instanceof Error) listener.failed(answer);
    else listener.stored(answer);
  };
  const publisher = new MeteredPublisher({ publish }, durations);
  const event = { type: "orders.created", id: "o1" } as OutgoingEvent;
  assert.deepEqual(await publishAsync(publisher, event), { stream: "S", sequence: 1, duplicate: false });
  assert.equal((await publishAsync(publisher, event)).duplicate, true);
  await assert.rejects(publishAsync(publisher, event), /the stream is full/);
  const page = readPage(await metrics.page()).filter(({ name }) => name === "weir_publish_duration_seconds_count");
  assert.deepEqual(page.map(({ labels, value }) => ({ ...labels, value })), [
    { type: "orders.created", outcome: "stored", value: 1 },
    { type: "orders.created", outcome: "duplicate", value: 1 },
    { type: "orders.created", outcome: "full", value: 1 },
  ]);
});
