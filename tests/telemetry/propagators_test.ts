import { context, propagation, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { setupTracing } from "../../runtime/telemetry/setup_tracing.ts";
import { injectTrace, readParent } from "../../runtime/telemetry/otel/propagation/trace_headers.ts";

Deno.test("setupTracing propagates baggage alone with OTEL_PROPAGATORS=baggage, also through fetch", async () => {
  const tracing = await setupTracing((name) => name === "OTEL_PROPAGATORS" ? "baggage" : undefined, "test");
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => new Response(request.headers.get("traceparent") ?? "none"),
  );
  const baggage = propagation.createBaggage({ shop: { value: "1" } });
  const parent = propagation.setBaggage(context.active(), baggage), span = trace.getTracer("test").startSpan("one");
  assert.deepEqual(injectTrace(span, parent), { baggage: "shop=1" });
  await context.with(trace.setSpan(context.active(), span), async () => {
    assert.equal(await (await fetch(`http://127.0.0.1:${server.addr.port}`)).text(), "none");
  });
  const headers = new Headers({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
  const carrier = { get: (name: string) => headers.get(name) ?? undefined, entries: () => headers.entries() };
  assert.equal(trace.getSpanContext(readParent(carrier)), undefined);
  await tracing.shutdown();
});
