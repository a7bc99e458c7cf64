import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import { randomSpanId } from "./random_ids.ts";
import { RecordedSpan, type SpanOrigin } from "./recorded_span.ts";

/**
 * Returns a context with a span in it. Hot path: `trace.setSpan` copies a map and creates three functions, and most
 * contexts are only asked for their span, see bench.
 *
 * @param owner Name of the function or part that the code in the context works for. Default: the owner of the parent.
 */
export function contextWith(span: Span, parent: Context, owner: string | undefined = ownerOf(parent)): SpanScope {
  // Nested scopes would keep every span on the path alive for as long as the innermost one.
  return new SpanScope(span, parent instanceof SpanScope ? parent.parent : parent, owner);
}

/** Returns the name of what the code in a context works for. */
export function ownerOf(context: Context): string | undefined {
  return context instanceof SpanScope ? context.owner : context.getValue(OWNER_KEY) as string | undefined;
}

/** Implements `startActiveSpan` of a tracer, whose options and context are optional. */
export function startActiveSpan(tracer: Tracer, name: string, rest: unknown[]): ReturnType<Tracer["startActiveSpan"]> {
  const run = rest.pop() as (span: Span) => unknown;
  const [options, parent = context.active()] = rest as [SpanOptions?, Context?];
  const span = tracer.startSpan(name, options, parent);
  return context.with(contextWith(span, parent), () => run(span)) as ReturnType<Tracer["startActiveSpan"]>;
}

/** A context with a span, which it releases at `leave`. Code still running in it keeps the trace as its parent. */
export class SpanScope implements Context {
  #span: Span | undefined;
  /** The origin of a released span. */
  #origin: SpanOrigin | undefined;
  /** The id of a released span, if it was read before. */
  #spanId: string | undefined;

  constructor(span: Span, readonly parent: Context, readonly owner: string | undefined) {
    this.#span = span;
  }

  get span(): Span {
    return this.#span ??= endedSpan(this.#origin!, this.#spanId);
  }

  /**
   * Releases the span. `AsyncLocalStorage` keeps every context in a weak map, whose values survive young collections;
   * what they hold would be copied twice and then collected with the old generation.
   */
  leave(): void {
    if (!(this.#span instanceof RecordedSpan)) return;
    this.#origin = this.#span.origin;
    this.#spanId = this.#span.knownId;
    this.#span = undefined;
  }

  getValue(key: symbol): unknown {
    return key === SPAN_KEY ? this.span : key === OWNER_KEY ? this.owner : this.parent.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return trace.setSpan(this.parent, this.span).setValue(OWNER_KEY, this.owner).setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return trace.setSpan(this.parent, this.span).setValue(OWNER_KEY, this.owner).deleteValue(key);
  }
}

/** Returns a span that can only be the parent of others. */
function endedSpan({ traceId, traceState, sampled }: SpanOrigin, spanId = randomSpanId()): Span {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.wrapSpanContext({ traceId, spanId, traceFlags, traceState });
}

const OWNER_KEY = Symbol("owner");

/**
 * The key under which the API stores the span in a context. The API does not export it, so it is caught while the API
 * reads a span.
 */
const SPAN_KEY: symbol = (() => {
  let key = Symbol();
  trace.getSpan({ ...ROOT_CONTEXT, getValue: (read) => void (key = read) });
  return key;
})();
