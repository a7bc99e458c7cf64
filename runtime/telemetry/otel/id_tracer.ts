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
import { startActiveSpan } from "./start_active_span.ts";

/**
 * Tracing without a place to send spans: every span gets its ids, so that logs and messages of one order share a
 * trace id, and nothing is recorded. It costs next to nothing and saves loading the SDK.
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
