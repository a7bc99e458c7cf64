import assert from "node:assert/strict";
import { context, isSpanContextValid, ROOT_CONTEXT, type Span, trace, TraceFlags } from "@opentelemetry/api";
import { IdTracerProvider } from "../../../../runtime/telemetry/otel/spans/id_tracer.ts";
import { setupTracing } from "../../../../runtime/telemetry/setup_tracing.ts";

await setupTracing(() => undefined, "test");

const tracer = new IdTracerProvider().getTracer();
const PARENT = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: TraceFlags.SAMPLED,
};

Deno.test("IdTracerProvider gives a root span its own ids", () => {
  const one = tracer.startSpan("one", {}, ROOT_CONTEXT).spanContext();
  const two = tracer.startSpan("two", {}, ROOT_CONTEXT).spanContext();
  assert.ok(isSpanContextValid(one) && isSpanContextValid(two));
  assert.notEqual(one.traceId, two.traceId);
  assert.notEqual(one.spanId, two.spanId);
});

Deno.test("IdTracerProvider gives a child its parent's trace id and flags, and its own span id", () => {
  const child = tracer.startSpan("child", {}, trace.setSpanContext(ROOT_CONTEXT, PARENT)).spanContext();
  assert.equal(child.traceId, PARENT.traceId);
  assert.equal(child.traceFlags, TraceFlags.SAMPLED);
  assert.notEqual(child.spanId, PARENT.spanId);
});

Deno.test("IdTracerProvider starts a root span if asked to", () => {
  const parent = trace.setSpanContext(ROOT_CONTEXT, PARENT);
  assert.notEqual(tracer.startSpan("root", { root: true }, parent).spanContext().traceId, PARENT.traceId);
});

Deno.test("IdTracerProvider keeps the ids of a span once they are read", () => {
  const span = tracer.startSpan("one", {}, ROOT_CONTEXT);
  assert.deepEqual(span.spanContext(), span.spanContext());
});

Deno.test("IdTracerProvider records nothing", () => {
  assert.equal(tracer.startSpan("one").isRecording(), false);
});

Deno.test("startActiveSpan makes the active span the parent, across awaits and concurrently", async () => {
  const run = () =>
    tracer.startActiveSpan("outer", async (outer: Span) => {
      await Promise.resolve();
      const inner = await tracer.startActiveSpan("inner", {}, (span) => Promise.resolve(span));
      assert.equal(trace.getActiveSpan(), outer);
      assert.equal(inner.spanContext().traceId, outer.spanContext().traceId);
      return outer.spanContext().traceId;
    });
  assert.equal(new Set(await Promise.all(Array.from({ length: 10 }, run))).size, 10);
  assert.equal(trace.getActiveSpan(), undefined);
});

Deno.test("startActiveSpan takes a parent context", () => {
  const parent = trace.setSpanContext(context.active(), PARENT);
  const result = tracer.startActiveSpan("child", {}, parent, (span) => {
    assert.equal(trace.getActiveSpan(), span);
    return span.spanContext().traceId;
  });
  assert.equal(result, PARENT.traceId);
});
