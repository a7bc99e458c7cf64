import { type Link, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { shorten } from "../core/text.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Attempt } from "../engine/attempt.ts";
import type { Batch } from "../engine/batch.ts";
import { linksOf, recordError } from "./attempt_span.ts";
import { readParent } from "./otel/propagation/trace_headers.ts";
import { RecordedSpan } from "./otel/spans/recorded_span.ts";
import { contextWith, SpanScope } from "./otel/spans/span_scope.ts";

/** Characters of an id that the event's publisher chose. */
const MAX_ID = 1_000;

/**
 * Begins the span of a batch with the first of its attempts. It has no parent, since its events have many, and links to
 * the span that published each event, and to the event's previous attempt.
 *
 * @param startTime Milliseconds since 1970.
 */
export function beginBatchSpan(batch: Batch, startTime: number): void {
  const [{ functionName, number, delivery: { stream } }] = batch.attempts, links = batch.attempts.flatMap(batchLinks);
  const attributes = {
    "messaging.system": "nats",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.consumer.group.name": functionName,
    "messaging.batch.message_count": batch.attempts.length,
    "weir.function": functionName,
    "weir.stream": stream,
    "weir.attempt": number,
  };
  const options = { kind: SpanKind.CONSUMER, startTime, attributes };
  batch.span = trace.getTracer("weir").startSpan(`process ${functionName}`, options, ROOT_CONTEXT);
  // Not by `addLinks`, which keeps 128 of them: a batch has one for each of its events.
  if (batch.span instanceof RecordedSpan) batch.span.links = links;
  else batch.span.addLinks(links);
  batch.otelContext = contextWith(batch.span, ROOT_CONTEXT, functionName);
  batch.hasBegun = true;
}

function batchLinks(attempt: Attempt): Link[] {
  const publisher = trace.getSpanContext(readParent(attempt.delivery.headers));
  const attributes = { "messaging.message.id": shorten(attempt.event.id, MAX_ID) };
  return [...(publisher ? [{ context: publisher, attributes }] : []), ...(linksOf(attempt) ?? [])];
}

/** Records what became of one event. Returns whether it was the last of the batch: the caller then ends the span. */
export function recordInBatch(
  batch: Batch,
  attempt: Attempt,
  outcome: Outcome,
  redact: (text: string) => string,
): boolean {
  const { outcomes } = batch;
  outcomes.set(outcome.kind, (outcomes.get(outcome.kind) ?? 0) + 1);
  addOutcome(batch, attempt, outcome, redact);
  return outcomes.values().reduce((sum, count) => sum + count, 0) === batch.attempts.length;
}

function addOutcome({ span }: Batch, attempt: Attempt, outcome: Outcome, redact: (text: string) => string): void {
  if (!span.isRecording() || outcome.kind === "ack" || outcome.kind === "lease-expired") return;
  const { kind, reason, error } = outcome, usedAttempt = kind === "dead-letter" || outcome.usesAttempt;
  span.addEvent(kind === "retry" ? "weir.retry" : "weir.dead_letter", {
    "messaging.message.id": shorten(attempt.event.id, MAX_ID),
    "weir.reason": reason,
    ...(kind === "retry" && { "weir.delay_ms": outcome.delayMs, "weir.uses_attempt": usedAttempt }),
    ...(error && { "error.type": error.name }),
  });
  if (usedAttempt && error && !hasFailed(span)) recordError(span, error, redact);
}

/** Ends the span of a batch whose events are all settled. @param endTime Milliseconds since 1970. */
export function endBatchSpan({ span, otelContext, runs, outcomes }: Batch, endTime: number): void {
  const outcome = WORST_FIRST.find((kind) => outcomes.has(kind)) ?? "ack";
  span.setAttributes({
    "weir.outcome": outcome,
    "weir.batch.runs": runs,
    "weir.batch.retried": outcomes.get("retry") ?? 0,
    "weir.batch.dead_lettered": outcomes.get("dead-letter") ?? 0,
  });
  span.end(endTime);
  if (otelContext instanceof SpanScope) otelContext.leave();
}

const WORST_FIRST = ["dead-letter", "retry", "lease-expired"] as const;

/** Returns whether an event of the batch, or the handler, has set the status to error. */
function hasFailed(span: Span & { readonly status?: { readonly code: SpanStatusCode } }): boolean {
  return span.status?.code === SpanStatusCode.ERROR;
}
