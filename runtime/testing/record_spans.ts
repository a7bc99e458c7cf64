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
import { type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace";
import { RecordedSpan } from "../telemetry/otel/spans/recorded_span.ts";
import { RecordingTracerProvider } from "../telemetry/otel/spans/recording_tracer.ts";
import { startActiveSpan } from "../telemetry/otel/spans/span_scope.ts";
import { setupTracing } from "../telemetry/setup_tracing.ts";

/**
 * A span of an invocation, as it would be sent.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { invoke, type InvokedSpan } from "weir/testing";
 *
 * const told = ({ name, status }: InvokedSpan) => `${name}: ${status.code}`;
 *
 * const fails = defineFunction({ on: "demo.asked" }, () => {
 *   throw new Error("not now");
 * });
 * const { spans } = await invoke(fails, {});
 * assert.deepEqual(spans.map(told), ["process testedFunction: error"]);
 * ```
 */
export interface InvokedSpan {
  /** Such as `process reserveInventory`, which is the attempt's own. */
  readonly name: string;
  /** What it is to the other side. */
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  /** What it was told. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** What happened in it. */
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  /** Whether it was called a success or an error. */
  readonly status: { readonly code: "unset" | "ok" | "error"; readonly message?: string };
  /** The name of the span above it, if that is one of these. */
  readonly parent: string | undefined;
  /** Whether it was ended; one that was not would not be sent. */
  readonly ended: boolean;
  /** The trace it is part of. */
  readonly traceId: string;
  /** Its own id. */
  readonly spanId: string;
  /** The id of the span above it, which may be another process's. */
  readonly parentSpanId: string | undefined;
}

const KINDS = ["internal", "server", "client", "producer", "consumer"] as const;
const STATUS = { [SpanStatusCode.UNSET]: "unset", [SpanStatusCode.OK]: "ok", [SpanStatusCode.ERROR]: "error" } as const;
const EVERY: Sampler = {
  shouldSample: () => ({ decision: SamplingDecision.RECORD_AND_SAMPLED }),
  toString: () => "every span",
};
const recordings = new AsyncLocalStorage<SpanRecording>();

/** Every span that is begun while something runs, by whatever tracer of the OpenTelemetry API. */
export class SpanRecording {
  readonly #begun: RecordedSpan[] = [];
  readonly #ended = new Map<RecordedSpan, InvokedSpan>();
  /** A span that was ended holds on to nothing: what it says is written down when it ends. */
  readonly #provider = new RecordingTracerProvider(EVERY, {
    wants: () => true,
    keep: (span) => void this.#ended.set(span, this.#read(span, true)),
  });

  /** Runs something, and whatever comes of it, with its spans recorded here, and nowhere else. */
  run<Result>(run: () => Result): Result {
    route();
    return recordings.run(this, run);
  }

  startSpan(scope: readonly [string, string?, TracerOptions?], args: Parameters<Tracer["startSpan"]>): Span {
    const span = this.#provider.getTracer(...scope).startSpan(...args);
    if (span instanceof RecordedSpan) this.#begun.push(span);
    return span;
  }

  /** In the order they were begun. */
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
 * Puts a provider before the global one, for as long as the process lives, that asks for each span whether it belongs to
 * a recording: so tests that run at the same time, and a runtime with an exporter of its own, do not see one another's.
 */
function route(): void {
  const present = trace.getTracerProvider();
  const known = present instanceof ProxyTracerProvider ? present.getDelegate() : present;
  if (known instanceof RoutingProvider) return;
  void setupTracing(() => undefined, "test"); // what it does at once is all there is to it, with nowhere to send spans
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
