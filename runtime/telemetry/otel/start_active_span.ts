import { type Context, context, type Span, type SpanOptions, type Tracer } from "@opentelemetry/api";
import { contextWith } from "./span_scope.ts";

/** What `startActiveSpan` of every tracer does: options and context may each be left out. */
export function startActiveSpan(tracer: Tracer, name: string, rest: unknown[]): ReturnType<Tracer["startActiveSpan"]> {
  const run = rest.pop() as (span: Span) => unknown;
  const [options, parent = context.active()] = rest as [SpanOptions?, Context?];
  const span = tracer.startSpan(name, options, parent);
  return context.with(contextWith(span, parent), () => run(span)) as ReturnType<Tracer["startActiveSpan"]>;
}
