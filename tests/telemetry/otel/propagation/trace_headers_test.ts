import assert from "node:assert/strict";
import { type Context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import { injectTrace, readParent } from "../../../../runtime/telemetry/otel/propagation/trace_headers.ts";
import { setupTracing } from "../../../../runtime/telemetry/setup_tracing.ts";

const IDS = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
const BAGGAGE = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ tenant: { value: "acme" } }));
const none = trace.wrapSpanContext({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 });

Deno.test("injectTrace writes nothing before tracing is set up", () => {
  assert.deepEqual(injectTrace(trace.wrapSpanContext(IDS), ROOT_CONTEXT), {});
});

for (
  const [what, span, parent] of [
    ["sampled ids", trace.wrapSpanContext(IDS), ROOT_CONTEXT],
    ["unsampled ids", trace.wrapSpanContext({ ...IDS, traceFlags: 0 }), ROOT_CONTEXT],
    ["a trace state", trace.wrapSpanContext({ ...IDS, traceState: new TraceState("vendor=1") }), ROOT_CONTEXT],
    ["baggage", trace.wrapSpanContext(IDS), BAGGAGE],
    ["no span", none, ROOT_CONTEXT],
    ["baggage without a span", none, BAGGAGE],
  ] satisfies [string, ReturnType<typeof trace.wrapSpanContext>, Context][]
) {
  Deno.test(`injectTrace writes what the propagators write: ${what}`, async () => {
    await setupTracing(() => undefined, "test");
    const carrier = {};
    propagation.inject(trace.setSpan(parent, span), carrier);
    assert.deepEqual(injectTrace(span, parent), carrier);
  });
}

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

for (
  const [what, given] of Object.entries<Record<string, string>>({
    "a traceparent alone": { traceparent: TRACEPARENT },
    "a traceparent with a tracestate": { traceparent: TRACEPARENT, tracestate: "vendor=1" },
    "a traceparent with baggage": { traceparent: TRACEPARENT, baggage: "tenant=acme" },
    "baggage alone": { baggage: "tenant=acme" },
    "no headers": {},
    "a traceparent of a later version": { traceparent: TRACEPARENT.replace("00", "01") },
    "an invalid traceparent": { traceparent: "00-0-0-01" },
  })
) {
  Deno.test(`readParent reads what the propagators read: ${what}`, () => {
    const carrier = { get: (name: string) => given[name], entries: () => Object.entries(given) };
    const getter = { get: (from: typeof carrier, name: string) => from.get(name), keys: () => Object.keys(given) };
    const expected = propagation.extract(ROOT_CONTEXT, carrier, getter), parent = readParent(carrier);
    assert.deepEqual(trace.getSpanContext(parent), trace.getSpanContext(expected));
    assert.deepEqual(propagation.getBaggage(parent), propagation.getBaggage(expected));
  });
}
