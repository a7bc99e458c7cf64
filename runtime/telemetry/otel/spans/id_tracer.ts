import {
  type Context,
  context,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { randomSpanId, randomTraceId } from "./random_ids.ts";
import { startActiveSpan } from "./span_scope.ts";

/**
 * The tracer, and its provider, of a process that exports no spans. Its spans have ids, so that the logs and messages
 * of a trace share a trace id, but record nothing. The SDK is not loaded.
 */
export class IdTracerProvider implements TracerProvider, Tracer {
  getTracer(): Tracer {
    return this;
  }

  startSpan(_name: string, options: SpanOptions = {}, parent: Context = context.active()): Span {
    const { traceId = randomTraceId(), traceFlags = 0, traceState } =
      (options.root ? undefined : trace.getSpanContext(parent)) ?? {};
    return trace.wrapSpanContext({ traceId, spanId: randomSpanId(), traceFlags, traceState });
  }

  startActiveSpan(name: string, ...rest: unknown[]): ReturnType<Tracer["startActiveSpan"]> {
    return startActiveSpan(this, name, rest);
  }
}
