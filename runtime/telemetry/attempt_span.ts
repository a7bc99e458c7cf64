import { type Context, type Link, type Span, SpanKind, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import type { BreakerChange, Invocation } from "../engine/ports.ts";
import type { ErrorDetail, Outcome } from "../core/outcome.ts";
import { parseTraceparent } from "../core/traceparent.ts";
import { AttemptAttributes } from "./attempt_attributes.ts";
import { RecordedSpan } from "./otel/spans/recorded_span.ts";

/**
 * The span of one delivery's way through a function, below the span that published the event, which it is part of
 * however late it comes, and linked to the delivery before it. It is named after the function and not the subject:
 * several functions may handle one event, and each is a consumer of its own.
 *
 * @param startTime milliseconds since 1970; now unless given
 */
export function startAttemptSpan(invocation: Invocation, parent: Context, startTime?: number): Span {
  const links = linksTo(invocation);
  const span = trace.getTracer("weir").startSpan(
    `process ${invocation.functionName}`,
    { kind: SpanKind.CONSUMER, startTime, links },
    parent,
  );
  if (span.isRecording() && isSampled(span)) describe(span, invocation);
  return span;
}

/** Says what it is an attempt at. */
function describe(span: Span, invocation: Invocation): void {
  const attributes = new AttemptAttributes(invocation);
  if (span instanceof RecordedSpan) span.prepare(attributes);
  else span.setAttributes(attributes.values());
}

function isSampled(span: Span): boolean {
  if (span instanceof RecordedSpan) return span.origin.sampled; // whose id is made up only when it is asked for
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** The delivery before, and how the event came from there to here. */
function linksTo({ previous, delivery }: Invocation): Link[] | undefined {
  const ids = parseTraceparent(previous);
  if (!ids) return undefined;
  const how = delivery.deliveryCount > 1 ? "retried" : delivery.deadLetter !== undefined ? "redriven" : "delayed";
  return [{ context: { ...ids, isRemote: true }, attributes: { "weir.link": how } }];
}

/**
 * Writes on the span what came of it.
 *
 * @param redact takes secrets out of what an error says
 */
export function endAttemptSpan(
  span: Span,
  invocation: Invocation,
  outcome: Outcome,
  redact: (text: string) => string,
): void {
  if (!span.isRecording()) return;
  if (!isSampled(span)) {
    // It is kept only if it matters: the many that do not are spared the work of writing it all.
    if (outcome.kind === "ack" && invocation.previous === undefined && !hasFailed(span)) return;
    describe(span, invocation);
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

/** Writes a breaker's change on the span of the attempt that brought it about. */
export function breakerEvent({ of, name, from, to, openForMs }: BreakerChange): void {
  trace.getActiveSpan()?.addEvent("weir.breaker_changed", {
    "weir.breaker": name,
    "weir.breaker.of": of,
    "weir.breaker.from": from,
    "weir.breaker.to": to,
    ...(to === "open" && { "weir.breaker.open_for_ms": openForMs }),
  });
}

/** A handler may have called it an error itself. */
function hasFailed(span: Span & { readonly status?: { readonly code: SpanStatusCode } }): boolean {
  return span.status?.code === SpanStatusCode.ERROR;
}

function recordError(span: Span, error: ErrorDetail, redact: (text: string) => string): void {
  const message = redact(error.message);
  span.recordException({
    name: error.name,
    message,
    ...(error.stack && { stack: redact(error.stack) }),
  });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.setAttribute("error.type", error.name);
}
