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

Deno.test("a span without a parent has ids of its own", () => {
  const one = tracer.startSpan("one", {}, ROOT_CONTEXT).spanContext();
  const two = tracer.startSpan("two", {}, ROOT_CONTEXT).spanContext();
  assert.ok(isSpanContextValid(one) && isSpanContextValid(two));
  assert.notEqual(one.traceId, two.traceId);
  assert.notEqual(one.spanId, two.spanId);
});

Deno.test("a child has its parent's trace id and flags, and a span id of its own", () => {
  const child = tracer.startSpan("child", {}, trace.setSpanContext(ROOT_CONTEXT, PARENT)).spanContext();
  assert.equal(child.traceId, PARENT.traceId);
  assert.equal(child.traceFlags, TraceFlags.SAMPLED);
  assert.notEqual(child.spanId, PARENT.spanId);
});

Deno.test("a span that asks to be a root is one", () => {
  const parent = trace.setSpanContext(ROOT_CONTEXT, PARENT);
  assert.notEqual(tracer.startSpan("root", { root: true }, parent).spanContext().traceId, PARENT.traceId);
});

Deno.test("nothing is recorded", () => {
  assert.equal(tracer.startSpan("one").isRecording(), false);
});

Deno.test("the active span is the parent, across awaits and side by side", async () => {
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

Deno.test("a span can be started active in a context that is given", () => {
  const parent = trace.setSpanContext(context.active(), PARENT);
  const result = tracer.startActiveSpan("child", {}, parent, (span) => {
    assert.equal(trace.getActiveSpan(), span);
    return span.spanContext().traceId;
  });
  assert.equal(result, PARENT.traceId);
});
