import assert from "node:assert/strict";
import { attribute } from "../support/collector.ts";
import { runStory } from "./story_fixture.ts";
import { storyText } from "./story_text.ts";

const CALLER = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const CLIENT = 3;

Deno.test("an order is one trace: every attempt, the delayed retry, the breaker, the dead letter and its redrive", async () => {
  const { said, log, spans, charged } = await runStory({}, ["--delay"]);
  const expected = await Deno.readTextFile(new URL("story.txt", import.meta.url));
  assert.equal(storyText(spans), expected);
  assert.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], [CALLER.traceId]);
  assert.equal(spans.find(({ name }) => name === "POST /orders")!.parentSpanId, CALLER.spanId);

  // The baggage reaches every handler and the events that they emit, but no other server.
  assert.deepEqual(said, { status: 202, tenants: Array(6).fill("acme"), baggage: "tenant=acme" });
  const calls = spans.filter(({ kind }) => kind === CLIENT);
  const expectedCalls = calls.map(({ traceId, spanId }) => ({
    traceparent: `00-${traceId}-${spanId}-01`,
    baggage: null,
  }));
  assert.deepEqual(charged, expectedCalls);

  const deadLetter = log.find(({ outcome }) => outcome === "dead-letter")!;
  const span = spans.find(({ attributes }) => attribute(attributes, "weir.outcome") === "dead-letter")!;
  assert.deepEqual([deadLetter.trace_id, deadLetter.span_id], [span.traceId, span.spanId]);
});

Deno.test("tail sampling keeps every attempt of an unsampled order that failed or followed a failed one", async () => {
  const { spans } = await runStory({ OTEL_TRACES_SAMPLER: "always_off" });
  const outcomes = spans.map(({ name, attributes }) => `${name} ${attribute(attributes, "weir.outcome") ?? "-"}`);
  assert.deepEqual(outcomes.sort(), [
    "POST -",
    "POST -",
    "POST -",
    "process capture ack",
    "process capture dead-letter",
    "process capture retry",
    "process capture retry",
    "process reserve ack",
    "process reserve retry",
    "publish payments.captured -",
    "publish stock.reserved -",
  ]);
});

Deno.test("WEIR_TRACE_FAILURES=false turns tail sampling off", async () => {
  const { spans, charged } = await runStory({ OTEL_TRACES_SAMPLER: "always_off", WEIR_TRACE_FAILURES: "false" });
  assert.deepEqual(spans, []);
  assert.match(charged[0].traceparent!, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
});

Deno.test("fetch propagates the trace of an order even if no spans are exported", async () => {
  const { spans, charged } = await runStory({ OTEL_TRACES_EXPORTER: "none" });
  assert.deepEqual(spans, []);
  assert.equal(charged.length, 3);
  for (const { traceparent } of charged) {
    assert.match(traceparent!, new RegExp(`^00-${CALLER.traceId}-[0-9a-f]{16}-01$`));
  }
  assert.equal(new Set(charged.map(({ traceparent }) => traceparent)).size, 3);
});

Deno.test("OTEL_DENO=true exports the same chain, each request and call once, and no other spans in it", async () => {
  const { said, spans, charged } = await runStory({
    OTEL_DENO: "true",
    OTEL_DENO_METRICS: "false",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  });
  assert.deepEqual(said, { status: 202, tenants: Array(6).fill("acme"), baggage: "tenant=acme" });
  const order = spans.filter(({ traceId }) => traceId === CALLER.traceId);
  const text = storyText(order).split("\n").filter((line) => /\(|link/.test(line)).map((line) => line.trim());
  assert.deepEqual(text, [
    "POST /orders (SERVER, span 1)",
    "publish orders.created (PRODUCER, span 2)",
    "process reserve (CONSUMER, span 3, error: the stock is being counted)",
    "process reserve (CONSUMER, span 4)",
    "link to span 3 weir.link=retried",
    "publish stock.reserved (PRODUCER, span 5)",
    "process capture (CONSUMER, span 6, error: the bank is closed)",
    "process capture (CONSUMER, span 7, error: payment answered 503)",
    "link to span 6 weir.link=retried",
    "POST (CLIENT, span 8, error: Service Unavailable)",
    "process capture (CONSUMER, span 9, error: payment answered 503)",
    "link to span 7 weir.link=retried",
    "POST (CLIENT, span 10, error: Service Unavailable)",
    "process capture (CONSUMER, span 11)",
    "link to span 9 weir.link=redriven",
    "POST (CLIENT, span 12)",
    "publish payments.captured (PRODUCER, span 13)",
  ]);
  const calls = order.filter(({ kind }) => kind === CLIENT).map(({ spanId }) => `00-${CALLER.traceId}-${spanId}-01`);
  assert.deepEqual(charged.map(({ traceparent }) => traceparent), calls);
  const others = spans.filter(({ traceId }) => traceId !== CALLER.traceId);
  assert.ok(
    others.every(({ name }) => /^(GET|POST|PATCH|DELETE)$/.test(name)),
    "other traces are plain HTTP",
  );
});
