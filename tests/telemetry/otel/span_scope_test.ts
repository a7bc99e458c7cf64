import assert from "node:assert/strict";
import { HeaderList } from "../../../runtime/core/headers.ts";
import { context, createContextKey, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { contextWith, readParent } from "../../../runtime/telemetry/otel/span_scope.ts";
import { setupTracing } from "../../../runtime/telemetry/otel/tracing.ts";

await setupTracing(() => undefined, "test");

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const KEY = createContextKey("test");
const span = trace.getTracer("test").startSpan("span"), other = trace.getTracer("test").startSpan("other");

/** The headers of a message. */
function headers(given: Record<string, string>) {
  return HeaderList.of(Object.entries(given));
}

Deno.test("a context with a span has it, and whatever its parent has", () => {
  const scope = contextWith(span, trace.setSpan(ROOT_CONTEXT.setValue(KEY, "value"), other));
  assert.deepEqual([trace.getSpan(scope), scope.getValue(KEY)], [span, "value"]);
});

Deno.test("a context with a span in place of another does not hold that one", () => {
  const parent = ROOT_CONTEXT.setValue(KEY, "value");
  assert.deepEqual(contextWith(span, contextWith(other, parent)), contextWith(span, parent));
});

Deno.test("what is set in it or deleted from it is so in a context of its own", () => {
  const scope = contextWith(span, ROOT_CONTEXT), more = scope.setValue(KEY, "value");
  assert.deepEqual([trace.getSpan(more), more.getValue(KEY), scope.getValue(KEY)], [span, "value", undefined]);
  assert.deepEqual([more.deleteValue(KEY).getValue(KEY), trace.getSpan(more.deleteValue(KEY))], [undefined, span]);
  assert.equal(trace.getSpan(trace.deleteSpan(scope)), undefined);
  assert.equal(trace.getSpan(trace.setSpan(scope, other)), other);
  assert.equal(trace.getSpan(scope), span);
});

Deno.test("its span is the active one, across awaits", async () => {
  await context.with(contextWith(span, ROOT_CONTEXT), async () => {
    await Promise.resolve();
    assert.equal(trace.getActiveSpan(), span);
  });
  assert.equal(trace.getActiveSpan(), undefined);
});

for (
  const [what, given] of Object.entries<Record<string, string>>({
    "a traceparent alone": { traceparent: TRACEPARENT },
    "one with a tracestate": { traceparent: TRACEPARENT, tracestate: "vendor=1" },
    "one with baggage": { traceparent: TRACEPARENT, baggage: "tenant=acme" },
    "baggage alone": { baggage: "tenant=acme" },
    "neither": {},
    "a traceparent of a version to come": { traceparent: TRACEPARENT.replace("00", "01") },
    "one that is none": { traceparent: "00-0-0-01" },
  })
) {
  Deno.test(`of a message with ${what} it is read as the propagators read it`, () => {
    const carrier = headers(given);
    const getter = { get: (from: typeof carrier, name: string) => from.get(name), keys: () => Object.keys(given) };
    const expected = propagation.extract(ROOT_CONTEXT, carrier, getter), parent = readParent(carrier);
    assert.deepEqual(trace.getSpanContext(parent), trace.getSpanContext(expected));
    assert.deepEqual(propagation.getBaggage(parent), propagation.getBaggage(expected));
  });
}
