import { type Context, propagation, ROOT_CONTEXT, type Span, trace, TraceFlags } from "@opentelemetry/api";
import type { MessageHeaders } from "../../core/delivery.ts";
import { parseTraceparent } from "../../core/traceparent.ts";
import { randomSpanId } from "./random_ids.ts";
import { RecordedSpan, type SpanOrigin } from "./recorded_span.ts";

/**
 * A context with a span in it. The API's own, by `trace.setSpan`, copies a map and makes three functions, which takes
 * 0.6 µs; there is one for every event, and all that is ever asked of most is the span.
 */
export function contextWith(span: Span, parent: Context): SpanScope {
  // One scope in another would hold the spans of all that led here, for as long as it goes on.
  return new SpanScope(span, parent instanceof SpanScope ? parent.parent : parent);
}

/** A context that may be left: what is under way in it then goes on to know the trace, and no more of the span. */
export class SpanScope implements Context {
  #span: Span | undefined;
  /** Of a span that was left: where it was from, and its id if anybody had asked for that. */
  #origin: SpanOrigin | undefined;
  #spanId: string | undefined;

  constructor(span: Span, readonly parent: Context) {
    this.#span = span;
  }

  get span(): Span {
    return this.#span ??= endedSpan(this.#origin!, this.#spanId);
  }

  /**
   * Lets the span go. `AsyncLocalStorage` keeps every context in a weak map, whose values outlive young garbage: what
   * they hold is copied, twice, and then collected with the old.
   */
  leave(): void {
    if (!(this.#span instanceof RecordedSpan)) return;
    this.#origin = this.#span.origin;
    this.#spanId = this.#span.knownId;
    this.#span = undefined;
  }

  getValue(key: symbol): unknown {
    return key === SPAN_KEY ? this.span : this.parent.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return trace.setSpan(this.parent, this.span).setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return trace.setSpan(this.parent, this.span).deleteValue(key);
  }
}

/** What may still be done with a span that has ended: to be the parent of another. */
function endedSpan({ traceId, traceState, sampled }: SpanOrigin, spanId = randomSpanId()): Span {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.wrapSpanContext({ traceId, spanId, traceFlags, ...(traceState && { traceState }) });
}

/** By what key the API finds the span in a context: it keeps that to itself, but asks for it. */
const SPAN_KEY: symbol = (() => {
  let asked = Symbol();
  trace.getSpan({ ...ROOT_CONTEXT, getValue: (key) => void (asked = key) });
  return asked;
})();

const HEADERS = {
  get: (headers: MessageHeaders, name: string) => headers.get(name),
  keys: (headers: MessageHeaders) => [...headers.entries()].map(([name]) => name),
};

/**
 * The context that a message carries: the span that published it, and its baggage. From the root, not the active one: a
 * delivery belongs to whoever published it, not to what ran last. A `traceparent` alone, which is what most have, is
 * read here in half the time of the propagator.
 */
export function readParent(headers: MessageHeaders): Context {
  const traceparent = headers.get("traceparent"),
    ids = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  const alone = ids && headers.get("tracestate") === undefined && headers.get("baggage") === undefined;
  if (!alone || !propagation.fields().includes("traceparent")) {
    return propagation.extract(ROOT_CONTEXT, headers, HEADERS);
  }
  return contextWith(trace.wrapSpanContext({ ...ids, isRemote: true }), ROOT_CONTEXT);
}
