import {
  type Context,
  INVALID_TRACEID,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import { contextWith } from "../spans/span_scope.ts";

interface HeaderReader {
  get(name: string): string | undefined;
  entries(): Iterable<readonly [name: string, value: string]>;
}

const GETTER: TextMapGetter<HeaderReader> = {
  get: (headers, name) => headers.get(name),
  keys: (headers) => [...headers.entries()].map(([name]) => name),
};

const W3C_FIELDS = new Set(["traceparent", "tracestate", "baggage"]);

/**
 * Returns the headers that carry a span's context and baggage. Hot path: most messages need only `traceparent`, which
 * is written here without the propagators, see bench.
 */
export function injectTrace(span: Span, parent: Context): Readonly<Record<string, string>> {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const idsOnly = traceId !== INVALID_TRACEID && traceState === undefined && !propagation.getBaggage(parent);
  if (idsOnly && propagatesW3c()) return { traceparent: `00-${traceId}-${spanId}-0${traceFlags & 1}` };
  const carrier: Record<string, string> = {};
  propagation.inject(contextWith(span, parent), carrier);
  return carrier;
}

/** Checked each time, since the global propagator may be registered at any time. Without one, nothing is injected. */
function propagatesW3c(): boolean {
  const fields = propagation.fields();
  return fields.length > 0 && fields.includes("traceparent") && fields.every((field) => W3C_FIELDS.has(field));
}

/**
 * Reads the context that a message carries: the span that published it, and its baggage. It derives from the root
 * context, not from the active one, which belongs to another message. Hot path: a `traceparent` alone is parsed without
 * the propagators, which are not asked at all for a message without W3C headers; see bench.
 */
export function readParent(headers: HeaderReader): Context {
  const traceparent = headers.get("traceparent");
  const ids = traceparent === undefined ? undefined : parseTraceParent(traceparent);
  const isAlone = headers.get("tracestate") === undefined && headers.get("baggage") === undefined;
  if (isAlone && traceparent === undefined && propagatesW3c()) return ROOT_CONTEXT;
  if (!isAlone || !ids || !propagation.fields().includes("traceparent")) {
    return propagation.extract(ROOT_CONTEXT, headers, GETTER);
  }
  ids.isRemote = true;
  return contextWith(trace.wrapSpanContext(ids), ROOT_CONTEXT);
}
