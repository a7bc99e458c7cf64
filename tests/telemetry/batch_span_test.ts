import assert from "node:assert/strict";
import { Batch } from "../../runtime/engine/batch.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { SpanRecording } from "../../runtime/testing/record_spans.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { RecordedSpan } from "../../runtime/telemetry/otel/spans/recorded_span.ts";
import { TelemetryObserver } from "../../runtime/telemetry/observer.ts";
import { CAUSE, setup } from "../support/invocation.ts";
import { HeaderList } from "../../runtime/core/headers.ts";

const publisher = (n: number) => `${n}`.padStart(16, "0");

/** Begins a batch of attempts, each published in a trace of its own. */
function begun(count: number) {
  const { newAttempt } = setup(), recording = new SpanRecording(), lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  const observer = new TelemetryObserver(new Logger({ level: "info", format: "json", write }));
  const attempts = Array.from({ length: count }, (_, n) => {
    const attempt = newAttempt({ ...CAUSE, id: `e${n + 1}` });
    const traceparent = `00-${"ab".repeat(16)}-${publisher(n + 1)}-01`;
    return Object.assign(attempt, {
      delivery: { ...attempt.delivery, headers: new HeaderList([["traceparent", traceparent]]) },
    });
  });
  const batch = new Batch(attempts, () => {});
  recording.run(() => attempts.forEach((attempt) => observer.begin(attempt)));
  const links = batch.span instanceof RecordedSpan ? [...batch.span.links ?? []] : [];
  const end = (at: number, outcome: Outcome) => observer.end(attempts[at], outcome, { ok: true });
  return { batch, attempts, links, end, lines, recording };
}

Deno.test("TelemetryObserver begins one span for a batch, with a link to the span that published each event", () => {
  const { links, recording, attempts } = begun(500);
  const [span, ...others] = recording.spans();
  assert.deepEqual([span.name, span.kind, span.parentSpanId, others.length], [
    "process ship",
    "consumer",
    undefined,
    0,
  ]);
  assert.equal(span.attributes["messaging.batch.message_count"], 500);
  assert.deepEqual(links.map(({ context }) => context.spanId), attempts.map((_, n) => publisher(n + 1)));
  assert.equal(links[7].attributes?.["messaging.message.id"], "e8");
});

Deno.test("TelemetryObserver ends the span of a batch with its last event, and names those that were not handled", () => {
  const { end, recording, lines, batch } = begun(4), error = { name: "TypeError", message: "odd" };
  batch.runs = 7;
  end(0, { kind: "ack" });
  end(2, { kind: "retry", reason: "failed", delayMs: 250, usesAttempt: true, error });
  end(1, { kind: "dead-letter", reason: "rejected", attempts: 1, error });
  assert.equal(recording.spans()[0].ended, false);
  end(3, { kind: "ack" });
  const [{ ended, attributes, events, status, traceId }] = recording.spans();
  assert.equal(ended, true);
  const told = ["weir.outcome", "weir.batch.runs", "weir.batch.retried", "weir.batch.dead_lettered"];
  assert.deepEqual(told.map((name) => attributes[name]), ["dead-letter", 7, 1, 1]);
  assert.deepEqual(events.map(({ name, attributes }) => [name, attributes["messaging.message.id"]]), [
    ["weir.retry", "e3"],
    ["exception", undefined],
    ["weir.dead_letter", "e2"],
  ]);
  assert.deepEqual(status, { code: "error", message: "odd" });
  assert.deepEqual(lines.map((line) => [line.event_id, line.outcome, line.trace_id]), [
    ["e3", "retry", traceId],
    ["e2", "dead-letter", traceId],
  ]);
});
