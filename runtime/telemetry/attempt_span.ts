import { type Context, type Link, type Span, SpanKind, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import type { Attempt } from "../engine/attempt.ts";
import type { BreakerChange } from "../engine/circuit_breaker.ts";
import type { ErrorDetail, Outcome } from "../core/outcome.ts";
import { parseTraceparent } from "../core/traceparent.ts";
import { AttemptAttributes } from "./attempt_attributes.ts";
import { RecordedSpan } from "./otel/spans/recorded_span.ts";

/**
 * Starts the span of an attempt. Its parent is the span that published the event, and it links to the event's previous
 * attempt. The name has the function and not the subject: several functions may handle one event, each as a consumer.
 *
 * @param startTime Milliseconds since 1970.
 */
export function startAttemptSpan(attempt: Attempt, parent: Context, startTime: number): Span {
  const links = linksOf(attempt);
  const span = trace.getTracer("weir").startSpan(
    `process ${attempt.functionName}`,
    { kind: SpanKind.CONSUMER, startTime, links },
    parent,
  );
  if (span.isRecording() && isSampled(span)) describe(span, attempt);
  return span;
}

function describe(span: Span, attempt: Attempt): void {
  const attributes = new AttemptAttributes(attempt);
  if (span instanceof RecordedSpan) span.prepare(attributes);
  else span.setAttributes(attributes.values());
}

function isSampled(span: Span): boolean {
  if (span instanceof RecordedSpan) return span.origin.sampled; // spanContext() would create the id
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

/**
 * Returns the link to the previous attempt. It says how the event came from there: by a retry, a redrive or a delayed
 * retry.
 */
export function linksOf({ previousTrace, delivery }: Attempt): Link[] | undefined {
  const ids = parseTraceparent(previousTrace);
  if (!ids) return undefined;
  const kind = delivery.deliveryCount > 1
    ? "retried"
    : delivery.deadLetterSequence !== undefined
    ? "redriven"
    : "delayed";
  return [{ context: { ...ids, isRemote: true }, attributes: { "weir.link": kind } }];
}

/**
 * Records the outcome on the span, which the caller then ends.
 *
 * @param redact Removes secrets from the text of an error.
 */
export function endAttemptSpan(
  span: Span,
  attempt: Attempt,
  outcome: Outcome,
  redact: (text: string) => string,
): void {
  if (!span.isRecording()) return;
  if (!isSampled(span)) {
    // Hot path: tail sampling drops a first attempt that succeeded, so its attributes are never set.
    if (outcome.kind === "ack" && attempt.previousTrace === undefined && !hasFailed(span)) return;
    describe(span, attempt);
  }
  if (span instanceof RecordedSpan && span.prepared instanceof AttemptAttributes) span.prepared.outcome = outcome.kind;
  else span.setAttribute("weir.outcome", outcome.kind);
  switch (outcome.kind) {
    case "lease-expired":
      return;
    case "ack":
      if (outcome.skipped) span.setAttribute("weir.skipped", outcome.skipped);
      return;
    case "retry": {
      const { reason, delayMs, usesAttempt, error } = outcome;
      span.setAttribute("weir.reason", reason);
      if (usesAttempt && error) recordError(span, error, redact);
      else if (error) span.setAttribute("error.type", error.name);
      span.addEvent("weir.retry", {
        "weir.reason": reason,
        "weir.delay_ms": delayMs,
        "weir.uses_attempt": usesAttempt,
      });
      return;
    }
    case "dead-letter": {
      const { reason, attempts, error } = outcome;
      span.setAttribute("weir.reason", reason);
      recordError(span, error, redact);
      span.addEvent("weir.dead_letter", { "weir.reason": reason, "weir.attempts": attempts });
    }
  }
}

export function addBreakerEvent({ of, name, from, to, openForMs, span }: BreakerChange): void {
  span.addEvent("weir.breaker_changed", {
    "weir.breaker": name,
    "weir.breaker.of": of,
    "weir.breaker.from": from,
    "weir.breaker.to": to,
    ...(to === "open" && { "weir.breaker.open_for_ms": openForMs }),
  });
}

/** Returns whether the handler itself set the status to error. */
function hasFailed(span: Span & { readonly status?: { readonly code: SpanStatusCode } }): boolean {
  return span.status?.code === SpanStatusCode.ERROR;
}

export function recordError(span: Span, error: ErrorDetail, redact: (text: string) => string): void {
  const message = redact(error.message);
  span.recordException({
    name: error.name,
    message,
    ...(error.stack && { stack: redact(error.stack) }),
  });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.setAttribute("error.type", error.name);
}
