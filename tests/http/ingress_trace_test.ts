import assert from "node:assert/strict";
import { trace } from "@opentelemetry/api";
import { setupTracing } from "../../runtime/telemetry/setup_tracing.ts";
import { TracedPublisher } from "../../runtime/telemetry/traced_publisher.ts";
import { BATCH, envelope, FakePublisher, NDJSON, setup } from "../support/ingress.ts";

await setupTracing(() => undefined, "test");

const CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async function publishedTrace(headers: Record<string, string>) {
  const inner = new FakePublisher();
  const { send } = setup({ publisher: new TracedPublisher(inner) });
  assert.equal((await send("/orders", { json: { orderId: "o1" }, headers })).status, 202);
  return inner.published[0].trace!;
}

Deno.test("POST {route} continues the caller's trace in the event, below a span of its own", async () => {
  const trace = await publishedTrace({ traceparent: CALLER, tracestate: "vendor=1" });
  assert.match(trace.traceparent, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  assert.notEqual(trace.traceparent, CALLER);
  assert.equal(trace.tracestate, "vendor=1");
});

Deno.test("POST {route} keeps the caller's decision not to sample", async () => {
  const { traceparent } = await publishedTrace({ traceparent: CALLER.replace(/01$/, "00") });
  assert.match(traceparent, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
});

for (
  const [what, traceparent] of [["no", undefined], ["a broken", "00-xyz-01"], [
    "an all-zero",
    CALLER.replace(/[1-9a-f]/g, "0"),
  ]]
) {
  Deno.test(`POST {route} starts a trace for a request with ${what} traceparent`, async () => {
    const trace = await publishedTrace(traceparent === undefined ? {} : { traceparent });
    assert.match(trace.traceparent, /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$/);
    assert.notEqual(trace.traceparent.slice(3, 35), "0af7651916cd43dd8448eb211c80319c");
  });
}

Deno.test("POST {route} keeps the traces of concurrent requests apart", async () => {
  const inner = new FakePublisher();
  const { send } = setup({ publisher: new TracedPublisher(inner) });
  const ids = Array.from({ length: 20 }, (_, i) => String(i + 1).padStart(32, "0"));
  await Promise.all(ids.map((id) =>
    send("/orders", {
      json: { orderId: id },
      headers: { "idempotency-key": id, traceparent: `00-${id}-b7ad6b7169203331-01` },
    })
  ));
  const traces = inner.published.map(({ id, trace }) => [id, trace!.traceparent.slice(3, 35)]);
  assert.deepEqual(traces.sort(), ids.map((id) => [id, id]));
});

for (const [path, type] of [["/orders", "application/json"], ["/events", NDJSON], ["/events", BATCH]]) {
  Deno.test(`POST ${path} logs an error with ${type} in the caller's trace`, async () => {
    const logged: (string | undefined)[] = [];
    const { send, publisher } = setup({ logError: () => logged.push(trace.getActiveSpan()?.spanContext().traceId) });
    publisher.answer = () => Promise.reject(new Error("unexpected"));
    const text = JSON.stringify(type === "application/json" ? { orderId: "o1" } : envelope());
    const body = type === BATCH ? `[${text}]` : text;
    const response = await send(path, { body, headers: { "content-type": type, traceparent: CALLER } });
    assert.equal(response.status, 500);
    assert.deepEqual([...new Set(logged)], ["0af7651916cd43dd8448eb211c80319c"]);
  });
}
