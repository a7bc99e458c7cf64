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
    const run = rest.pop() as (span: Span) => unknown;
    const [options, parent = context.active()] = rest as [SpanOptions?, Context?];
    const span = TRACER.startSpan(name, options, parent);
    return context.with(trace.setSpan(parent, span), () => run(span)) as ReturnType<
      Tracer["startActiveSpan"]
    >;
  },
};

function childOf(parent: SpanContext | undefined): SpanContext {
  return {
    traceId: parent?.traceId ?? randomHex(32),
    spanId: randomHex(16),
    traceFlags: parent?.traceFlags ?? 0,
    ...(parent?.traceState && { traceState: parent.traceState }),
  };
}

/** Ids need to be unlikely to meet, not hard to guess. */
function randomHex(digits: number): string {
  let hex = "";
  while (hex.length < digits) hex += Math.floor(Math.random() * 0x1_0000_0000).toString(16).padStart(8, "0");
  return hex;
}
