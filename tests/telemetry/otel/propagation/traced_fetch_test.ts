import assert from "node:assert/strict";
import { context, propagation, type Span, trace } from "@opentelemetry/api";
import { setupTracing } from "../../../../runtime/telemetry/setup_tracing.ts";

const own = globalThis.fetch;
await setupTracing(() => undefined, "test");

/** A server that returns the method and headers of a request. */
function setup() {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => Response.json({ method: request.method, ...Object.fromEntries(request.headers) }),
  );
  return { url: `http://127.0.0.1:${server.addr.port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
}

const headersOf = async (response: Promise<Response>) => await (await response).json() as Record<string, string>;
const inSpan = <Value>(run: (span: Span) => Promise<Value>) =>
  trace.getTracer("test").startActiveSpan("test", async (span) => await run(span));

Deno.test("traceFetch adds a traceparent inside a span", async () => {
  await using server = setup();
  await inSpan(async (span) => {
    const { traceparent } = await headersOf(fetch(server.url));
    assert.match(traceparent, new RegExp(`^00-${span.spanContext().traceId}-[0-9a-f]{16}-00$`));
  });
});

Deno.test("traceFetch changes nothing outside of a span", async () => {
  await using server = setup();
  assert.notEqual(globalThis.fetch, own);
  assert.equal((await headersOf(fetch(server.url))).traceparent, undefined);
});

Deno.test("traceFetch keeps what the caller passes: method, headers, a Request, a traceparent", async () => {
  await using server = setup();
  await inSpan(async () => {
    const given = await headersOf(fetch(server.url, { method: "put", headers: { "x-one": "1" }, body: "b" }));
    assert.deepEqual([given.method, given["x-one"], given["content-length"]], ["PUT", "1", "1"]);
    const request = new Request(server.url, { method: "POST", headers: { "x-two": "2" }, body: "body" });
    const asRequest = await headersOf(fetch(request));
    assert.deepEqual([asRequest.method, asRequest["x-two"], asRequest["content-length"]], ["POST", "2", "4"]);
    assert.ok(asRequest.traceparent);
    const instead = await headersOf(fetch(new Request(server.url, { headers: { a: "1" } }), { headers: { b: "2" } }));
    assert.deepEqual([instead.a, instead.b], [undefined, "2"]);
    const traceparent = "00-11111111111111111111111111111111-2222222222222222-01";
    assert.equal((await headersOf(fetch(server.url, { headers: { traceparent } }))).traceparent, traceparent);
  });
});

Deno.test("traceFetch sends no baggage", async () => {
  await using server = setup();
  await inSpan(async (span) => {
    const carrier: Record<string, string> = {};
    const baggage = propagation.createBaggage({ tenant: { value: "acme" } });
    const active = propagation.setBaggage(trace.setSpan(context.active(), span), baggage);
    await context.with(active, async () => {
      propagation.inject(context.active(), carrier);
      assert.equal(carrier.baggage, "tenant=acme");
      assert.equal((await headersOf(fetch(server.url))).baggage, undefined);
    });
  });
});

Deno.test("traceFetch throws what fetch throws", async () => {
  await inSpan(async () => {
    await assert.rejects(fetch("http://127.0.0.1:1/"), TypeError);
    await assert.rejects(fetch("no url"), TypeError);
    await assert.rejects(fetch("http://127.0.0.1:1/", { signal: AbortSignal.abort() }), { name: "AbortError" });
  });
});

Deno.test("traceFetch wraps fetch only once", async () => {
  const wrapped = globalThis.fetch;
  await setupTracing(() => undefined, "test");
  assert.equal(globalThis.fetch, wrapped);
});
