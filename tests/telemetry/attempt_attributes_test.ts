import assert from "node:assert/strict";
import type { Attributes } from "@opentelemetry/api";
import fc from "fast-check";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import { AttemptAttributes } from "../../runtime/telemetry/attempt_attributes.ts";
import { attributeListJson, scopeJson, spanJson } from "../../runtime/telemetry/otel/spans/otlp_json.ts";
import { RecordedSpan } from "../../runtime/telemetry/otel/spans/recorded_span.ts";

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 12 }), count = fc.nat(1_000_000);
const subject = fc.constantFrom("orders.created", "orders.shipped");
const attempts = fc.record({
  functionName: fc.constantFrom("reserve", "ship"),
  trigger: fc.option(fc.record({ pattern: fc.constantFrom("orders.created", "orders.>") }), { nil: undefined }),
  number: count,
  event: fc.record({ id: text, type: subject, source: fc.constantFrom("/shop", '/a"b') }),
  delivery: fc.record({
    subject,
    stream: fc.constantFrom("ORDERS", "LEGACY"),
    sequence: count,
    deliveryCount: count,
    payload: fc.uint8Array({ maxLength: 4 }),
    history: fc.record({ redrives: fc.constantFrom(0, 2) }),
  }),
}) as unknown as fc.Arbitrary<Attempt>;

/** Attributes as OTLP/JSON has them, by their keys. */
const byKey = (json: string) =>
  Object.fromEntries(
    (JSON.parse(`[${json}]`) as { key: string; value: unknown }[]).map(({ key, value }) => [key, value]),
  );

Deno.test("written at once, the attributes of an attempt are what they are one by one", () => {
  fc.assert(fc.property(fc.array(attempts, { minLength: 1, maxLength: 4 }), (all) => {
    for (const attempt of all) {
      const attributes = new AttemptAttributes(attempt);
      attributes.outcome = "ack";
      assert.deepEqual(byKey(attributes.json()), byKey(attributeListJson(attributes.values())));
      for (const key of Object.keys(attributes.values())) assert.ok(attributes.has(key), key);
    }
  }));
});

/** The attributes of a span that was prepared, after something was done to it. */
function written(change: (span: RecordedSpan) => void) {
  const keeper = { wants: () => true, keep: () => {} };
  const scope = scopeJson("test", "", ""), traceId = "0af7651916cd43dd8448eb211c80319c";
  const origin = { keeper, scope, traceId, traceState: undefined, sampled: true, parentContext: undefined };
  const span = new RecordedSpan("process ship", {}, origin);
  const [attempt] = fc.sample(attempts, { numRuns: 1, seed: 7 });
  const attributes = new AttemptAttributes(attempt);
  span.prepare(attributes);
  change(span);
  const list = JSON.parse(spanJson(span)).attributes as { key: string; value: Record<string, unknown> }[];
  return { list, values: attributes.values() as Attributes };
}

Deno.test("what a handler sets comes behind what was prepared", () => {
  const { list, values } = written((span) => span.setAttribute("order.total", 12));
  assert.deepEqual(list.at(-1), { key: "order.total", value: { intValue: 12 } });
  assert.equal(list.length, Object.keys(values).length + 1);
});

Deno.test("what a handler sets anew is there once, with its value", () => {
  const { list } = written((span) => span.setAttributes({ "messaging.message.id": "mine", "order.total": 12 }));
  const ids = list.filter(({ key }) => key === "messaging.message.id");
  assert.deepEqual(ids, [{ key: "messaging.message.id", value: { stringValue: "mine" } }]);
});

Deno.test("what was prepared counts against the limit of attributes", () => {
  const { list } = written((span) => {
    for (let i = 0; i < 200; i++) span.setAttribute(`own.${i}`, i);
  });
  assert.ok(list.length <= 128, String(list.length));
});

Deno.test("a span that is done with lets go of what it was told, and keeps its ids", () => {
  written((span) => {
    const { spanId } = span.spanContext();
    span.setAttribute("order.total", 12).addEvent("packed");
    span.forget();
    assert.deepEqual([span.attributes, span.prepared, span.events, span.links], [{}, undefined, undefined, undefined]);
    assert.equal(span.spanContext().spanId, spanId);
  });
});
