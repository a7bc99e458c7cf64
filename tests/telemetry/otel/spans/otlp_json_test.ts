import assert from "node:assert/strict";
import { type Attributes, type AttributeValue, ROOT_CONTEXT, type Span, SpanKind, trace } from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { defaultResource } from "@opentelemetry/resources";
import { AlwaysOnSampler, type ReadableSpan, TracerProvider } from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import { resourceJson, spanJson } from "../../../../runtime/telemetry/otel/spans/otlp_json.ts";
import type { RecordedSpan } from "../../../../runtime/telemetry/otel/spans/recorded_span.ts";
import { RecordingTracerProvider } from "../../../../runtime/telemetry/otel/spans/recording_tracer.ts";
import { SpanBatch } from "../../../../runtime/telemetry/otel/spans/span_batch.ts";

const RESOURCE = defaultResource();
const START = 1_760_000_000_000;
// deno-lint-ignore no-explicit-any
type Json = any;

/** Runs the same code with the SDK's tracer and Weir's; returns the requests that each serializes. */
function both(
  run: (tracer: ReturnType<TracerProvider["getTracer"]>) => void,
): { sdk: Json; ours: Json; spans: RecordedSpan[] } {
  const ended: ReadableSpan[] = [], recorded: RecordedSpan[] = [];
  const processor = {
    onStart: () => {},
    onEnd: (span: ReadableSpan) => void ended.push(span),
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  run(new TracerProvider({ resource: RESOURCE, spanProcessors: [processor] }).getTracer("test", "1.2", OPTIONS));
  const keeper = { wants: () => true, keep: (span: RecordedSpan) => void recorded.push(span) };
  run(new RecordingTracerProvider(new AlwaysOnSampler(), keeper).getTracer("test", "1.2", OPTIONS));
  const batch = new SpanBatch(resourceJson(RESOURCE.attributes, RESOURCE.schemaUrl));
  for (const span of recorded) batch.add(span);
  return {
    sdk: parse(JsonTraceSerializer.serializeRequest(ended)!),
    ours: parse(batch.end()),
    spans: recorded,
  };
}

const OPTIONS = { schemaUrl: 'https://example.com/"schema"' };

function parse(bytes: Uint8Array): Json {
  return withoutDefaults(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
}

/** Removes protobuf defaults, which may be left out, and random ids. */
function withoutDefaults(json: Json, key = ""): Json {
  if (Array.isArray(json)) return json.map((one) => withoutDefaults(one));
  if (/[sS]panId|traceId/.test(key) && json !== LINKED.spanId && json !== LINKED.traceId) {
    return `${json.length} digits`;
  }
  if (typeof json !== "object" || json === null || key === "value") return json;
  const left = Object.entries(json).filter(([, value]) => value !== 0 && !(Array.isArray(value) && value.length === 0));
  return Object.fromEntries(left.map(([key, value]) => [key, withoutDefaults(value, key)]));
}

const LINKED = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
  isRemote: true,
  traceState: new TraceState('vendor=a b,other="c\\d"'),
};

Deno.test("spanJson writes a span with every field as the SDK does", () => {
  const { sdk, ours } = both((tracer) => {
    const parent = trace.setSpanContext(ROOT_CONTEXT, LINKED);
    const links = [{ context: { ...LINKED, isRemote: false }, attributes: { how: "again" } }];
    const attributes = { "a.text": "x", "a.number": 1, "a.double": 0.5, "a.flag": false, "a.list": ["x", "y"] };
    const span = tracer.startSpan("one", { kind: SpanKind.CONSUMER, startTime: START, attributes, links }, parent);
    span.setAttributes({ "a.text": "y", "a.none": null, "a.map": { deep: [1, 2.5, { deeper: true }] } } as Attributes);
    span.setAttribute("a.bytes", new Uint8Array([0, 1, 254, 255]) as AttributeValue);
    span.addEvent("happened", { at: "once", list: [1, 2] }, START + 1).addEvent("again", START + 1.5);
    span.recordException(Object.assign(new TypeError("bad"), { stack: "TypeError: bad\n  at here" }), START + 2);
    span.recordException({ code: 42, message: "" }, START + 3);
    span.recordException("only text", [START / 1_000, 4_000_000]);
    span.addLink({ context: LINKED }).addLinks([{ context: LINKED, attributes: { n: 1 } }]);
    span.setStatus({ code: 2, message: 'it "failed"' }).updateName("two");
    span.end([START / 1_000, 12_345_000]);
    span.setAttribute("late", true).addEvent("late").updateName("late").setStatus({ code: 1 }).end();
    const child = tracer.startSpan("child", { startTime: new Date(START) }, trace.setSpan(parent, span));
    child.setStatus({ code: 1, message: "left out" }).setStatus({ code: 2 }).end(START - 1);
    tracer.startSpan("root", { root: true, startTime: START }, parent).end(START);
  });
  assert.deepEqual(ours, sdk);
  const [span, child, root] = ours.resourceSpans[0].scopeSpans[0].spans;
  assert.deepEqual([span.name, span.kind, span.parentSpanId, span.flags], ["two", 5, LINKED.spanId, 0x301]);
  assert.deepEqual([span.startTimeUnixNano, span.endTimeUnixNano], ["1760000000000000000", "1760000000012345000"]);
  assert.deepEqual([child.status, child.endTimeUnixNano], [{ code: 1 }, child.startTimeUnixNano]);
  assert.equal(child.parentSpanId, "16 digits");
  assert.equal(root.parentSpanId, undefined);
});

Deno.test("RecordedSpan drops and counts what is over the limits as the SDK does", () => {
  const { sdk, ours } = both((tracer) => {
    const many = Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`key${i}`, i]));
    const span = tracer.startSpan("many", { startTime: START }, ROOT_CONTEXT);
    span.setAttributes(many).setAttribute("key5", "again");
    for (let i = 0; i < 130; i++) span.addEvent(`event ${i}`, i === 129 ? many : {}, START);
    for (let i = 0; i < 130; i++) span.addLink({ context: LINKED, attributes: { ...many, first: i } });
    span.end(START);
  });
  assert.deepEqual(ours, sdk);
  const { droppedAttributesCount, droppedEventsCount, droppedLinksCount } =
    ours.resourceSpans[0].scopeSpans[0].spans[0];
  assert.deepEqual([droppedAttributesCount, droppedEventsCount, droppedLinksCount], [2, 2, 2]);
});

Deno.test("spanJson reuses the cached JSON of an attribute only for an equal value", () => {
  const bytes = new Uint8Array([1]);
  const { sdk, ours } = both((tracer) => {
    for (
      const [text, number, flag] of [["a", 1, true], ["a", 1, true], ["a", 1, true], ["b", true, 1], ["a", 1, true]]
    ) {
      const span = tracer.startSpan("one", { startTime: START, attributes: { text, number, flag } }, ROOT_CONTEXT);
      span.setAttributes({ bytes: bytes.slice(), last: "x" } as Attributes).end(START);
    }
  });
  assert.deepEqual(ours, sdk);
  const twice = [1, 2].map((value) => {
    bytes[0] = value;
    return spanJson(
      both((tracer) => tracer.startSpan("one", { attributes: { bytes, last: 1 } as Attributes }).end()).spans[0],
    );
  });
  assert.match(twice[0], /"AQ=="/);
  assert.match(twice[1], /"Ag=="/);
});

/** Any UTF-16: quotes, control characters, lone surrogates. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.array(fc.oneof(fc.nat(0x7f), fc.nat(0xffff), fc.integer({ min: 0xd7ff, max: 0xe000 })))
    .map((codes) => String.fromCharCode(...codes)),
);
const scalar = fc.oneof(text, fc.boolean(), fc.maxSafeInteger(), fc.double({ noNaN: true, min: -1e15, max: 1e15 }));
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 2 },
    scalar,
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(text, tie("any"), { maxKeys: 4 }),
  ),
})).any;
const odd = fc.constantFrom(undefined, 1n, Symbol("no"), () => {}, new Date(0), /no/);
const attributes = fc.dictionary(text.filter((key) => key !== "__proto__"), fc.oneof(value, odd), { maxKeys: 20 });
const action: fc.Arbitrary<(span: Span) => unknown> = fc.oneof(
  attributes.map((given) => (span: Span) => span.setAttributes(given as Attributes)),
  fc.tuple(text, value).map(([key, one]) => (span: Span) => span.setAttribute(key, one as AttributeValue)),
  fc.tuple(text, attributes).map(([name, given]) => (span: Span) => span.addEvent(name, given as Attributes, START)),
  attributes.map((given) => (span: Span) => span.addLink({ context: LINKED, attributes: given as Attributes })),
  fc.tuple(fc.integer({ min: 0, max: 2 }), text).map(([code, message]) => (span: Span) =>
    span.setStatus({ code, message })
  ),
  text.map((name) => (span: Span) => span.updateName(name)),
  fc.tuple(text, text).map(([name, message]) => (span: Span) => span.recordException({ name, message }, START)),
);

Deno.test("spanJson writes any span as the SDK does (property)", () => {
  fc.assert(fc.property(text, attributes, fc.array(action, { maxLength: 8 }), (name, given, actions) => {
    const { sdk, ours } = both((tracer) => {
      const options = { startTime: START, attributes: given as Attributes };
      const span = tracer.startSpan(name, options, ROOT_CONTEXT);
      for (const act of actions) act(span);
      span.end(START + 1);
    });
    assert.deepEqual(ours, sdk);
  }));
});

Deno.test("spanJson writes numbers that collectors accept, even if they refuse what the SDK writes", () => {
  const { ours } = both((tracer) => {
    const numbers = { big: 2 ** 63, huge: 1e300, nan: NaN, most: Infinity, least: -Infinity, small: -0 };
    tracer.startSpan("numbers", { startTime: START, attributes: numbers }, ROOT_CONTEXT).end(START);
  });
  const values = ours.resourceSpans[0].scopeSpans[0].spans[0].attributes.map(({ value }: Json) => value);
  assert.deepEqual(values, [
    { doubleValue: 2 ** 63 },
    { doubleValue: 1e300 },
    { doubleValue: "NaN" },
    { doubleValue: "Infinity" },
    { doubleValue: "-Infinity" },
    { intValue: 0 },
  ]);
});

Deno.test("SpanBatch groups alternating spans by their tracer", () => {
  const recorded: RecordedSpan[] = [];
  const keeper = { wants: () => true, keep: (span: RecordedSpan) => void recorded.push(span) };
  const provider = new RecordingTracerProvider(new AlwaysOnSampler(), keeper);
  for (const [tracer, name] of [["a", "1"], ["a", "2"], ["b", "3"], ["a", "4"]]) {
    provider.getTracer(tracer).startSpan(name, {}, ROOT_CONTEXT).end();
  }
  const batch = new SpanBatch(resourceJson({ "service.name": "test" }));
  for (const span of recorded) batch.add(span);
  const [{ resource, scopeSpans }] = JSON.parse(new TextDecoder().decode(batch.end())).resourceSpans;
  assert.deepEqual(resource.attributes, [{ key: "service.name", value: { stringValue: "test" } }]);
  const read = scopeSpans.map(({ scope, spans }: Json) => [scope.name, spans.map(({ name }: Json) => name)]);
  assert.deepEqual(read, [["a", ["1", "2"]], ["b", ["3"]], ["a", ["4"]]]);
});
