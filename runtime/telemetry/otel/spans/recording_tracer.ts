import {
  type Attributes,
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
  type Span,
  SpanKind,
  type SpanOptions,
  trace,
  type Tracer,
  type TracerOptions,
  type TracerProvider,
} from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace";
import { scopeJson } from "./otlp_json.ts";
import { randomSpanId, randomTraceId } from "./random_ids.ts";
import { type Keeper, RecordedSpan } from "./recorded_span.ts";
import { startActiveSpan } from "./span_scope.ts";

const NO_OPTIONS: SpanOptions = {}, NO_ATTRIBUTES: Attributes = {}, NO_LINKS: Link[] = [];

/** Provides tracers whose ended spans go to a keeper. */
export class RecordingTracerProvider implements TracerProvider {
  readonly #tracers = new Map<string, Tracer>();

  constructor(readonly sampler: Sampler, readonly keeper: Keeper) {}

  getTracer(name: string, version = "", { schemaUrl = "" }: TracerOptions = {}): Tracer {
    const key = version === "" && schemaUrl === "" ? name : `${name}@${version}:${schemaUrl}`;
    const create = () => new RecordingTracer(scopeJson(name, version, schemaUrl), this);
    return this.#tracers.getOrInsertComputed(key, create);
  }
}

class RecordingTracer implements Tracer {
  constructor(readonly scope: string, readonly provider: RecordingTracerProvider) {}

  startSpan(name: string, options: SpanOptions = NO_OPTIONS, parent: Context = context.active()): Span {
    if (isTracingSuppressed(parent)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    if (options.root) parent = trace.deleteSpan(parent);
    const parentSpan = trace.getSpan(parent), spanContext = parentSpan?.spanContext();
    // Hot path: the ids of Weir's own spans need no check.
    const isValid = parentSpan instanceof RecordedSpan || spanContext && isSpanContextValid(spanContext);
    const parentContext = isValid ? spanContext : undefined;
    const traceId = parentContext?.traceId ?? randomTraceId();
    const { kind = SpanKind.INTERNAL, attributes = NO_ATTRIBUTES, links = NO_LINKS } = options;
    const { sampler, keeper } = this.provider;
    const sampling = sampler.shouldSample(parent, traceId, name, kind, attributes, links);
    const traceState = sampling.traceState ?? parentContext?.traceState;
    const sampled = sampling.decision === SamplingDecision.RECORD_AND_SAMPLED;
    if (sampling.decision === SamplingDecision.NOT_RECORD) {
      return trace.wrapSpanContext({ traceId, spanId: randomSpanId(), traceFlags: 0, traceState });
    }
    const origin = { keeper, scope: this.scope, traceId, traceState, sampled, parentContext };
    const recorded = new RecordedSpan(name, options, origin);
    if (!sampled && parentSpan instanceof RecordedSpan && parentSpan.isRecording()) recorded.parent = parentSpan;
    return sampling.attributes ? recorded.setAttributes(sampling.attributes) : recorded;
  }

  startActiveSpan(name: string, ...rest: unknown[]): ReturnType<Tracer["startActiveSpan"]> {
    return startActiveSpan(this, name, rest);
  }
}
