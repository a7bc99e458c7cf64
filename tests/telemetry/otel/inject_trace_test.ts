import assert from "node:assert/strict";
import { type Context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import { injectTrace } from "../../../runtime/telemetry/otel/inject_trace.ts";
import { setupTracing } from "../../../runtime/telemetry/otel/tracing.ts";

const IDS = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
const BAGGAGE = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ tenant: { value: "acme" } }));
const none = trace.wrapSpanContext({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 });

Deno.test("before tracing is set up nothing is carried", () => {
  assert.deepEqual(injectTrace(trace.wrapSpanContext(IDS), ROOT_CONTEXT), {});
});

for (
  const [what, span, parent] of [
    ["ids that are sampled", trace.wrapSpanContext(IDS), ROOT_CONTEXT],
    ["ids that are not", trace.wrapSpanContext({ ...IDS, traceFlags: 0 }), ROOT_CONTEXT],
    ["a trace state", trace.wrapSpanContext({ ...IDS, traceState: new TraceState("vendor=1") }), ROOT_CONTEXT],
    ["baggage", trace.wrapSpanContext(IDS), BAGGAGE],
    ["no span", none, ROOT_CONTEXT],
    ["baggage without a span", none, BAGGAGE],
  ] satisfies [string, ReturnType<typeof trace.wrapSpanContext>, Context][]
) {
  Deno.test(`of ${what} that is carried which the propagators write`, async () => {
    await setupTracing(() => undefined, "test");
    const carrier = {};
    propagation.inject(trace.setSpan(parent, span), carrier);
    assert.deepEqual(injectTrace(span, parent), carrier);
  });
}
