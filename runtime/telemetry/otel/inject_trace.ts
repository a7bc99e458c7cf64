import { type Context, INVALID_TRACEID, propagation, type Span } from "@opentelemetry/api";
import { contextWith } from "./span_scope.ts";

/** What W3C's propagators write. */
const W3C = new Set(["traceparent", "tracestate", "baggage"]);

/**
 * What a message carries on of a span: its ids, and the baggage. Most have the ids alone, which are written here in a
 * tenth of the time of the propagators: those look at every character of what was made just now.
 */
export function injectTrace(span: Span, parent: Context): Readonly<Record<string, string>> {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const alone = traceId !== INVALID_TRACEID && traceState === undefined && !propagation.getBaggage(parent);
  if (alone && speaksW3c()) return { traceparent: `00-${traceId}-${spanId}-0${traceFlags & 1}` };
  const carrier: Record<string, string> = {};
  propagation.inject(contextWith(span, parent), carrier);
  return carrier;
}

/** Asked each time, since it is set up at any time; without any there is nothing to carry. */
function speaksW3c(): boolean {
  const fields = propagation.fields();
  return fields.length > 0 && fields.includes("traceparent") && fields.every((field) => W3C.has(field));
}
