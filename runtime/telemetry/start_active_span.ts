import { type Context, context, type Span, type SpanOptions, trace, type Tracer } from "@opentelemetry/api";

/** What `startActiveSpan` of every tracer does: options and context may each be left out. */
export function startActiveSpan(tracer: Tracer, name: string, rest: unknown[]): ReturnType<Tracer["startActiveSpan"]> {
  const run = rest.pop() as (span: Span) => unknown;
  const [options, parent = context.active()] = rest as [SpanOptions?, Context?];
  const span = tracer.startSpan(name, options, parent);
  return context.with(trace.setSpan(parent, span), () => run(span)) as ReturnType<Tracer["startActiveSpan"]>;
}
