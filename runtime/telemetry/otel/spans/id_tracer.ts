import {
  type Context,
  context,
  type Span,
  type SpanContext,
  type SpanOptions,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { randomSpanId, randomTraceId } from "./random_ids.ts";
import { startActiveSpan } from "./span_scope.ts";

/**
 * Provides the tracer of a process that exports no spans. Its spans have ids, so that the logs and messages of a trace
 * share a trace id, but record nothing. The SDK is not loaded.
 */
export class IdTracerProvider implements TracerProvider {
  getTracer(): Tracer {
    return TRACER;
  }
}

const TRACER: Tracer = {
  startSpan(_name: string, options: SpanOptions = {}, parent: Context = context.active()): Span {
    return trace.wrapSpanContext(childOf(options.root ? undefined : trace.getSpanContext(parent)));
  },
  startActiveSpan(name: string, ...rest: unknown[]): ReturnType<Tracer["startActiveSpan"]> {
    return startActiveSpan(TRACER, name, rest);
  },
};

function childOf(parent: SpanContext | undefined): SpanContext {
  return {
    traceId: parent?.traceId ?? randomTraceId(),
    spanId: randomSpanId(),
    traceFlags: parent?.traceFlags ?? 0,
    ...(parent?.traceState && { traceState: parent.traceState }),
  };
}
