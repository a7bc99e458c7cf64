import assert from "node:assert/strict";
import { context, createContextKey, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { contextWith } from "../../../../runtime/telemetry/otel/spans/span_scope.ts";
import { setupTracing } from "../../../../runtime/telemetry/setup_tracing.ts";

await setupTracing(() => undefined, "test");

const KEY = createContextKey("test");
const span = trace.getTracer("test").startSpan("span"), other = trace.getTracer("test").startSpan("other");

Deno.test("contextWith returns a context with the span and the values of its parent", () => {
  const scope = contextWith(span, trace.setSpan(ROOT_CONTEXT.setValue(KEY, "value"), other));
  assert.deepEqual([trace.getSpan(scope), scope.getValue(KEY)], [span, "value"]);
});

Deno.test("contextWith does not hold the span of its parent", () => {
  const parent = ROOT_CONTEXT.setValue(KEY, "value");
  assert.deepEqual(contextWith(span, contextWith(other, parent)), contextWith(span, parent));
});

Deno.test("SpanScope stays unchanged when a value is set or deleted", () => {
  const scope = contextWith(span, ROOT_CONTEXT), more = scope.setValue(KEY, "value");
  assert.deepEqual([trace.getSpan(more), more.getValue(KEY), scope.getValue(KEY)], [span, "value", undefined]);
  assert.deepEqual([more.deleteValue(KEY).getValue(KEY), trace.getSpan(more.deleteValue(KEY))], [undefined, span]);
  assert.equal(trace.getSpan(trace.deleteSpan(scope)), undefined);
  assert.equal(trace.getSpan(trace.setSpan(scope, other)), other);
  assert.equal(trace.getSpan(scope), span);
});

Deno.test("SpanScope makes its span the active one, across awaits", async () => {
  await context.with(contextWith(span, ROOT_CONTEXT), async () => {
    await Promise.resolve();
    assert.equal(trace.getActiveSpan(), span);
  });
  assert.equal(trace.getActiveSpan(), undefined);
});
