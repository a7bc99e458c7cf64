import {
  type Context,
  context,
  type Span,
  type SpanContext,
  type SpanOptions,
  trace,
  TraceFlags,
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
    return new IdSpan(options.root ? undefined : trace.getSpanContext(parent));
  }

  startActiveSpan(name: string, ...rest: unknown[]): ReturnType<Tracer["startActiveSpan"]> {
    return startActiveSpan(this, name, rest);
  }
}

/**
 * A span that has ids only. Hot path: most spans' ids are never read, so they are made at the first reading; see bench.
 */
class IdSpan implements Span {
  #context: SpanContext | undefined;

  constructor(readonly parent: SpanContext | undefined) {}

  spanContext(): SpanContext {
    if (this.#context) return this.#context;
    const { traceId = randomTraceId(), traceFlags = TraceFlags.NONE, traceState } = this.parent ?? {};
    return this.#context = { traceId, spanId: randomSpanId(), traceFlags, traceState };
  }

  isRecording(): boolean {
    return false;
  }

  setAttribute(): this {
    return this;
  }

  setAttributes(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {}

  end(): void {}
}
