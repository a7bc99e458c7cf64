import assert from "node:assert/strict";
import { context, INVALID_SPAN_CONTEXT, ROOT_CONTEXT, type Span, trace, TraceFlags } from "@opentelemetry/api";
import { suppressTracing, TraceState } from "@opentelemetry/core";
import { AlwaysOnSampler, type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace";
import type { RecordedSpan } from "../../../../runtime/telemetry/otel/spans/recorded_span.ts";
import { RecordingTracerProvider } from "../../../../runtime/telemetry/otel/spans/recording_tracer.ts";
import { setupTracing } from "../../../../runtime/telemetry/setup_tracing.ts";

await setupTracing(() => undefined, "test");

const REMOTE = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
  traceState: new TraceState("vendor=1"),
};

function setup(sampler: Sampler = new AlwaysOnSampler()) {
  const ended: RecordedSpan[] = [];
  const keeper = { wants: () => true, keep: (span: RecordedSpan) => void ended.push(span) };
  return { ended, tracer: new RecordingTracerProvider(sampler, keeper).getTracer("test") };
}

const always = (decision: SamplingDecision): Sampler => ({
  shouldSample: () => ({ decision, attributes: { "sampler.says": decision }, traceState: new TraceState("sampler=1") }),
  toString: () => "always",
});

Deno.test("RecordingTracerProvider gives a span its parent's trace and state, its own id, and the sampler's decision", () => {
  const { tracer, ended } = setup();
  const span = tracer.startSpan("child", {}, trace.setSpanContext(ROOT_CONTEXT, REMOTE));
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  assert.deepEqual([traceId, traceFlags, traceState?.serialize()], [REMOTE.traceId, TraceFlags.SAMPLED, "vendor=1"]);
  assert.match(spanId, /^[0-9a-f]{16}$/);
  assert.equal(span.spanContext().spanId, spanId);
  assert.equal(span.isRecording(), true);
  span.end();
  assert.equal(span.isRecording(), false);
  assert.deepEqual(ended, [span]);
});

Deno.test("RecordingTracerProvider ignores a parent with invalid ids", () => {
  const { tracer } = setup();
  const { traceId } = tracer.startSpan("root", {}, trace.setSpanContext(ROOT_CONTEXT, INVALID_SPAN_CONTEXT))
    .spanContext();
  assert.match(traceId, /^(?!0+$)[0-9a-f]{32}$/);
});

Deno.test("RecordingTracerProvider adds the sampler's attributes, and records nothing if the sampler says so", () => {
  const { tracer, ended } = setup(always(SamplingDecision.RECORD));
  const span = tracer.startSpan("recorded", { attributes: { own: 1 } }, ROOT_CONTEXT);
  span.end();
  assert.deepEqual(ended[0].attributes, { own: 1, "sampler.says": SamplingDecision.RECORD });
  assert.deepEqual([span.spanContext().traceFlags, span.spanContext().traceState?.serialize()], [0, "sampler=1"]);

  const unwanted = setup(always(SamplingDecision.NOT_RECORD));
  const other = unwanted.tracer.startSpan("unwanted", {}, trace.setSpanContext(ROOT_CONTEXT, REMOTE));
  assert.deepEqual([other.isRecording(), other.spanContext().traceId], [false, REMOTE.traceId]);
  assert.deepEqual([other.spanContext().traceFlags, other.spanContext().traceState?.serialize()], [0, "sampler=1"]);
  other.end();
  assert.deepEqual(unwanted.ended, []);
});

Deno.test("RecordingTracerProvider starts no span where tracing is suppressed", () => {
  const { tracer } = setup();
  const span = tracer.startSpan("none", {}, suppressTracing(ROOT_CONTEXT));
  assert.deepEqual(span.spanContext(), INVALID_SPAN_CONTEXT);
});

Deno.test("startActiveSpan takes optional options and context, and makes the active span the parent", () => {
  const { tracer } = setup();
  const parent = trace.setSpanContext(ROOT_CONTEXT, REMOTE);
  const seen = tracer.startActiveSpan("outer", {}, parent, (outer: Span) => {
    assert.equal(trace.getActiveSpan(), outer);
    return tracer.startActiveSpan("inner", (inner) => [outer, inner] as RecordedSpan[]);
  });
  assert.deepEqual(seen[0].origin.parentContext, REMOTE);
  assert.deepEqual(seen[1].origin.parentContext, seen[0].spanContext());
  assert.equal(context.active(), ROOT_CONTEXT);
});

Deno.test("RecordedSpan takes start and end times in every form of the API, and its own clock by default", () => {
  const { tracer, ended } = setup();
  const at = 1_760_000_000_000, before = Date.now();
  tracer.startSpan("given", { startTime: new Date(at) }, ROOT_CONTEXT).end([at / 1_000, 500_000_000]);
  tracer.startSpan("timer", { startTime: performance.now() }, ROOT_CONTEXT).end();
  tracer.startSpan("late", { startTime: at }, ROOT_CONTEXT).end(at - 1);
  const [given, timer, late] = ended.map(({ startedAtMs, endedAtMs }) => [startedAtMs, endedAtMs]);
  assert.deepEqual([given, late], [[at, at + 500], [at, at]]);
  assert.ok(Math.abs(timer[0] - before) < 1_000 && timer[1] >= timer[0], `it was from ${timer[0]} to ${timer[1]}`);
});

Deno.test("RecordedSpan cuts long values of attributes and events, bounded memory", () => {
  const { tracer, ended } = setup(), long = "x".repeat(1_000_000);
  const span = tracer.startSpan("long", { attributes: { first: long, short: "s" } });
  span.setAttribute("second", long).setAttributes({ third: long, list: [long] }).addEvent("event", { long });
  span.recordException(new Error(long));
  span.end();
  const { attributes, events } = ended[0];
  assert.equal(attributes.short, "s");
  assert.ok(JSON.stringify([attributes, events]).length < 160_000, `${JSON.stringify([attributes, events]).length}`);
});
