import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Context,
  context,
  ProxyTracerProvider,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer,
  type TracerOptions,
  type TracerProvider,
} from "@opentelemetry/api";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { RecordedSpan } from "../telemetry/otel/spans/recorded_span.ts";
import { RecordingTracerProvider } from "../telemetry/otel/spans/recording_tracer.ts";
import { startActiveSpan } from "../telemetry/otel/spans/span_scope.ts";
import { setupTracing } from "../telemetry/setup_tracing.ts";

/** A span of an invocation. */
export interface InvokedSpan {
  /** Name of the span. The span of the attempt has the name `process` and the function's name. */
  readonly name: string;
  /** The OpenTelemetry span kind. */
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  /** The span's attributes. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The span's events. */
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  /** The span's status. */
  readonly status: { readonly code: "unset" | "ok" | "error"; readonly message?: string };
  /** The name of the parent span, if it belongs to the same invocation. */
  readonly parent: string | undefined;
  /** Whether the span was ended. A span that was not is never exported. */
  readonly ended: boolean;
  /** The id of the trace. */
  readonly traceId: string;
  /** The id of the span. */
  readonly spanId: string;
  /** The id of the parent span, which may be in another process. */
  readonly parentSpanId: string | undefined;
}

const KINDS = ["internal", "server", "client", "producer", "consumer"] as const;
const STATUS = { [SpanStatusCode.UNSET]: "unset", [SpanStatusCode.OK]: "ok", [SpanStatusCode.ERROR]: "error" } as const;
const recordings = new AsyncLocalStorage<SpanRecording>();

/** The spans that a callback begins through the OpenTelemetry API. */
export class SpanRecording {
  readonly #begun: RecordedSpan[] = [];
  readonly #ended = new Map<RecordedSpan, InvokedSpan>();
  /** Records every span. The values are copied when the span ends, because the span then releases them. */
  readonly #provider = new RecordingTracerProvider(new AlwaysOnSampler(), {
    wants: () => true,
    keep: (span) => void this.#ended.set(span, this.#read(span, true)),
  });

  /** Runs a callback. The spans of the callback, and of asynchronous work that it begins, are recorded here only. */
  run<Result>(run: () => Result): Result {
    installRouting();
    return recordings.run(this, run);
  }

  startSpan(scope: readonly [string, string?, TracerOptions?], args: Parameters<Tracer["startSpan"]>): Span {
    const span = this.#provider.getTracer(...scope).startSpan(...args);
    if (span instanceof RecordedSpan) this.#begun.push(span);
    return span;
  }

  /** Returns the spans in the order they began. */
  spans(): InvokedSpan[] {
    return this.#begun.map((span) => this.#ended.get(span) ?? this.#read(span, false));
  }

  #read(span: RecordedSpan, ended: boolean): InvokedSpan {
    const { traceId, spanId } = span.spanContext(), { code, message } = span.status;
    const parentSpanId = span.origin.parentContext?.spanId;
    const prepared = span.prepared?.values();
    return {
      name: span.name,
      kind: KINDS[span.kind ?? SpanKind.INTERNAL],
      attributes: { ...prepared, ...span.attributes },
      events: (span.events ?? []).map(({ name, attributes = {} }) => ({ name, attributes })),
      status: { code: STATUS[code], ...(message !== undefined && { message }) },
      parent: this.#begun.find((other) => other.knownId !== undefined && other.knownId === parentSpanId)?.name,
      ended,
      traceId,
      spanId,
      parentSpanId,
    };
  }
}

/**
 * Installs a global tracer provider. It sends a span to the recording in whose callback it began, or else to the former
 * provider. Parallel tests therefore do not record each other's spans, nor the spans of a runtime with an exporter of
 * its own.
 */
function installRouting(): void {
  const present = trace.getTracerProvider();
  const known = present instanceof ProxyTracerProvider ? present.getDelegate() : present;
  if (known instanceof RoutingProvider) return;
  void setupTracing(() => undefined, "test"); // without an exporter it is complete before its first await
  const provider = trace.getTracerProvider();
  if (provider instanceof ProxyTracerProvider) provider.setDelegate(new RoutingProvider(provider.getDelegate()));
  else {
    trace.disable();
    trace.setGlobalTracerProvider(new RoutingProvider(provider));
  }
}

class RoutingProvider implements TracerProvider {
  constructor(readonly inner: TracerProvider) {}

  getTracer(...scope: [string, string?, TracerOptions?]): Tracer {
    let own: Tracer | undefined;
    const inner = () => own ??= this.inner.getTracer(...scope);
    const tracer: Tracer = {
      startSpan: (name: string, options?: SpanOptions, parent: Context = context.active()) =>
        recordings.getStore()?.startSpan(scope, [name, options, parent]) ?? inner().startSpan(name, options, parent),
      startActiveSpan: (name: string, ...rest: unknown[]): ReturnType<Tracer["startActiveSpan"]> =>
        startActiveSpan(tracer, name, rest),
    };
    return tracer;
  }
}
