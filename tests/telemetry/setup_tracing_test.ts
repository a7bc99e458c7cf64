import assert from "node:assert/strict";
import { runOrder } from "./order_fixture.ts";
import { attribute, type OtlpSpan, startCollector } from "../support/collector.ts";

const SERVER = 2, PRODUCER = 4, CONSUMER = 5;

Deno.test("setupTracing exports request, publish and function as one chain below the caller's span", async () => {
  await using receiver = startCollector();
  const run = await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  assert.deepEqual([run.status, run.exportsTo], [202, receiver.url]);
  assert.deepEqual([...new Set(receiver.requests)], ["POST /v1/traces application/json"]);

  const spans = receiver.spans();
  assert.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], ["0af7651916cd43dd8448eb211c80319c"]);
  const chain: [string, number][] = [];
  for (let parent = "b7ad6b7169203331";;) {
    const child = spans.find(({ parentSpanId }) => parentSpanId === parent);
    if (!child) break;
    chain.push([child.name, child.kind]);
    parent = child.spanId;
  }
  assert.deepEqual(chain, [
    ["POST /events/{type}", SERVER],
    ["publish orders.created", PRODUCER],
    ["process reserveInventory", CONSUMER],
  ]);
  assert.equal(spans.length, 3);
});

Deno.test("ServerSpan, TracedPublisher and TelemetryObserver set the attributes of OpenTelemetry's conventions", async () => {
  await using receiver = startCollector();
  await runOrder({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces` });
  const [server, producer, consumer] = [SERVER, PRODUCER, CONSUMER].map((wanted) =>
    receiver.spans().find(({ kind }) => kind === wanted)!
  );
  const read = (span: OtlpSpan, keys: string[]) => keys.map((key) => attribute(span.attributes, key));
  assert.deepEqual(read(server, ["http.request.method", "http.route", "url.path", "http.response.status_code"]), [
    "POST",
    "/events/{type}",
    "/events/orders.created",
    "202",
  ]);
  const messaging = ["system", "operation.name", "operation.type", "destination.name", "message.id"]
    .map((name) => `messaging.${name}`);
  assert.deepEqual(read(producer, messaging), ["nats", "publish", "send", "orders.created", "order-1"]);
  assert.deepEqual(read(consumer, messaging), ["nats", "process", "process", "orders.created", "order-1"]);
  const own = ["messaging.consumer.group.name", "weir.function", "weir.attempt", "weir.outcome"];
  assert.deepEqual(read(consumer, own), ["reserveInventory", "reserveInventory", "1", "ack"]);
  assert.equal(consumer.status.code ?? 0, 0);
});

Deno.test("TelemetryObserver.end marks the span of a failed attempt as an error, with the exception", async () => {
  await using receiver = startCollector();
  await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, ["--fail"]);
  const consumer = receiver.spans().find(({ kind }) => kind === CONSUMER)!;
  assert.deepEqual(consumer.status, { code: 2, message: "out of stock" });
  assert.deepEqual(consumer.events?.map(({ name }) => name), ["exception", "weir.retry"]);
  const keys = ["error.type", "weir.outcome", "weir.reason"];
  assert.deepEqual(keys.map((key) => attribute(consumer.attributes, key)), ["TypeError", "retry", "failed"]);
});

Deno.test("resourceOf names the service, and adds OTEL_RESOURCE_ATTRIBUTES", async () => {
  await using receiver = startCollector();
  await runOrder({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
  });
  const { attributes } = receiver.exports[0].resourceSpans![0].resource;
  assert.equal(attribute(attributes, "service.name"), "order-program");
  assert.equal(attribute(attributes, "deployment.environment.name"), "test");
});

Deno.test("OTEL_TRACES_SAMPLER=always_off exports no successful span", async () => {
  await using receiver = startCollector();
  const run = await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_SAMPLER: "always_off" });
  assert.equal(run.status, 202);
  assert.deepEqual(receiver.spans(), []);
});

for (const [name, value] of [["OTEL_SDK_DISABLED", "true"], ["OTEL_TRACES_EXPORTER", "none"]]) {
  Deno.test(`${name}=${value} turns the export off`, async () => {
    await using receiver = startCollector();
    const run = await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, [name]: value });
    assert.deepEqual([run.status, run.exportsTo], [202, null]);
    assert.deepEqual(receiver.requests, []);
  });
}
