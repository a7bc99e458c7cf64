import assert from "node:assert/strict";
import { propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { PublishError } from "../../runtime/engine/publisher.ts";
import type { RecordedSpan } from "../../runtime/telemetry/otel/spans/recorded_span.ts";
import { RecordingTracerProvider } from "../../runtime/telemetry/otel/spans/recording_tracer.ts";
import { TracedPublisher } from "../../runtime/telemetry/traced_publisher.ts";
import { BATCH, envelope, FakePublisher, NDJSON, setup } from "../support/ingress.ts";

let spans: RecordedSpan[] = [];
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(
  new RecordingTracerProvider(new AlwaysOnSampler(), { wants: () => true, keep: (span) => void spans.push(span) }),
);

const paid = { type: "orders.paid", id: "order-2" };

/** Posts events in one request. */
async function post(contentType: string, events: readonly object[], answer?: FakePublisher["answer"]) {
  spans = [];
  const inner = new FakePublisher();
  inner.answer = answer;
  const { send } = setup({ publisher: new TracedPublisher(inner) });
  const body = contentType === BATCH
    ? JSON.stringify(events)
    : events.map((event) => `${JSON.stringify(event)}\n`).join("");
  const response = await send("/events", { body, headers: { "content-type": contentType } });
  await response.body?.cancel();
  const server = spans.find(({ kind }) => kind === SpanKind.SERVER)!;
  return { server, producers: spans.filter(({ kind }) => kind === SpanKind.PRODUCER), published: inner.published };
}

for (const contentType of [NDJSON, BATCH]) {
  Deno.test(`POST /events with ${contentType} gives all events the context of one PRODUCER span`, async () => {
    const events = [envelope(), envelope({ id: "order-2" }), envelope({ id: "order-3" })];
    const { server, producers: [producer, ...others], published } = await post(contentType, events);
    assert.deepEqual([producer.name, others, spans.at(-1)], ["publish orders.created", [], server]);
    assert.deepEqual(producer.attributes, {
      "messaging.system": "nats",
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "messaging.batch.message_count": 3,
      "messaging.destination.name": "orders.created",
    });
    assert.equal(producer.origin.parentContext?.spanId, server.spanContext().spanId);
    const { traceId, spanId } = producer.spanContext();
    const traceparents = published.map(({ trace }) => trace?.traceparent);
    assert.deepEqual(traceparents, Array(3).fill(`00-${traceId}-${spanId}-01`));
  });

  Deno.test(`POST /events with ${contentType} names the span after no type if there are several`, async () => {
    const { producers: [producer] } = await post(contentType, [envelope(), envelope(paid)]);
    assert.deepEqual([producer.name, producer.attributes["messaging.destination.name"]], ["publish", undefined]);
    assert.equal(producer.attributes["messaging.batch.message_count"], 2);
  });

  Deno.test(`POST /events with ${contentType} records the error of an event that cannot be stored on the span`, async () => {
    const { producers: [producer] } = await post(contentType, [envelope(), envelope(paid)], ({ type }) => {
      if (type === "orders.paid") throw new PublishError("full", "no room");
      return { stream: "ORDERS", sequence: 1, duplicate: false };
    });
    assert.deepEqual(producer.status, { code: SpanStatusCode.ERROR, message: "no room" });
    assert.equal(producer.attributes["error.type"], "PublishError");
    assert.deepEqual(producer.events?.map(({ name }) => name), ["exception"]);
  });
}

Deno.test("BatchSpan does not count refused events, and does not start without one", async () => {
  const bad = envelope({ data: {} });
  const { producers: [producer], server } = await post(NDJSON, [bad, envelope()]);
  assert.deepEqual([producer.attributes["messaging.batch.message_count"], producer.status.code], [1, 0]);
  assert.equal(server.attributes["http.response.status_code"], 400);
  assert.deepEqual((await post(NDJSON, [bad])).producers, []);
});
