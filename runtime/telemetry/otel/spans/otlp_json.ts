import type { Attributes, AttributeValue, Link, SpanContext } from "@opentelemetry/api";
import type { RecordedSpan, SpanEvent } from "./recorded_span.ts";

/** Returns the resource of a request, which all spans of a process share. */
export function resourceJson(attributes: Attributes, schemaUrl?: string): string {
  return `"resource":{${attributesJson(attributes)}}${schemaUrlJson(schemaUrl)}`;
}

/** Returns the instrumentation scope, which all spans of a tracer share. */
export function scopeJson(name: string, version: string, schemaUrl: string): string {
  return `"scope":{"name":"${escaped(name)}"${version && `,"version":"${escaped(version)}"`}}${
    schemaUrlJson(schemaUrl)
  }`;
}

function schemaUrlJson(schemaUrl: string | undefined): string {
  return schemaUrl ? `,"schemaUrl":"${escaped(schemaUrl)}"` : "";
}

/**
 * Returns a span as OTLP/JSON, without the fields that have their default. Hot path: the text is concatenated directly,
 * whereas the SDK builds an object for each value first, see bench.
 */
export function spanJson(span: RecordedSpan): string {
  const { events, links, status, droppedEvents, droppedLinks } = span;
  const { parentContext } = span.origin, parent = parentContext ? `","parentSpanId":"${parentContext.spanId}` : "";
  let json = `{${contextJson(span.spanContext(), parentContext?.isRemote)}${parent}` +
    `","name":"${escaped(span.name)}","kind":${span.kind + 1},"startTimeUnixNano":"${nanos(span.startedAtMs)}` +
    `","endTimeUnixNano":"${nanos(span.endedAtMs)}",${
      attributesJson(span.attributes, span.droppedAttributes, span.prepared?.json())
    }`;
  if (events) json += `,"events":[${events.map(eventJson).join(",")}]`;
  if (links) json += `,"links":[${links.map(linkJson).join(",")}]`;
  if (droppedEvents) json += `,"droppedEventsCount":${droppedEvents}`;
  if (droppedLinks) json += `,"droppedLinksCount":${droppedLinks}`;
  if (!status.code) return json + `,"status":{}}`;
  const message = status.message === undefined ? "" : `,"message":"${escaped(status.message)}"`;
  return json + `,"status":{"code":${status.code}${message}}}`;
}

function eventJson({ name, atMs, attributes, droppedAttributesCount }: SpanEvent): string {
  const rest = attributesJson(attributes ?? {}, droppedAttributesCount);
  return `{"name":"${escaped(name)}","timeUnixNano":"${nanos(atMs)}",${rest}}`;
}

function linkJson({ context, attributes, droppedAttributesCount }: Link): string {
  return `{${contextJson(context, context.isRemote)}",${attributesJson(attributes ?? {}, droppedAttributesCount)}}`;
}

/**
 * Returns the fields of a span context, without the last quote. In `flags`, 0x100 says that it is known whether the
 * context is remote, and the low byte has the flags of the trace.
 */
function contextJson({ traceId, spanId, traceState, traceFlags }: SpanContext, isRemote = false): string {
  const flags = traceFlags & 0xff | (isRemote ? 0x300 : 0x100);
  const state = traceState ? `,"traceState":"${escaped(traceState.serialize())}"` : "";
  return `"flags":${flags}${state},"traceId":"${traceId}","spanId":"${spanId}`;
}

function attributesJson(attributes: Attributes, dropped = 0, before = ""): string {
  const list = attributeListJson(attributes), json = `"attributes":[${before}${before && list && ","}${list}`;
  return json + (dropped ? `],"droppedAttributesCount":${dropped}` : "]");
}

/** Returns the elements of an attribute list, without brackets. */
export function attributeListJson(attributes: Attributes): string {
  const keys = Object.keys(attributes), last = keys.length - 1;
  let json = "";
  for (let i = 0; i <= last; i++) {
    const value = attributes[keys[i]], cached = cachedOf(keys[i]);
    if (i === last) json += attributeJson(cached, value);
    else if (value === cached.value) json += cached.json ??= [attributeJson(cached, value), ","].join("");
    else {
      cached.value = typeof value === "object" ? undefined : value; // an object may be the same and have changed
      cached.json = undefined;
      json += attributeJson(cached, value) + ",";
    }
  }
  return json;
}

/**
 * The serialized parts of an attribute. There are few keys, and most spans have the same value for a key as the span
 * before.
 */
interface CachedKey {
  /** The JSON up to the opening quote of a text value. */
  readonly text: string;
  /** The JSON up to any other value. */
  readonly other: string;
  value: AttributeValue;
  /** The JSON with `value`, as a flat string; set when that value is serialized a second time. */
  json: string | undefined;
}

const CACHED = new Map<string, CachedKey>();
/** Keys in the cache: more than instrumentations use, and a bound for handlers that make keys up. */
const MAX_CACHED = 1_000;

function cachedOf(key: string): CachedKey {
  let cached = CACHED.get(key);
  if (cached) return cached;
  const other = `{"key":"${escaped(key)}","value":{`;
  cached = { text: `${other}"stringValue":"`, other, value: undefined, json: undefined };
  if (CACHED.size < MAX_CACHED) CACHED.set(key, cached);
  return cached;
}

function attributeJson({ text, other }: CachedKey, value: AttributeValue): string {
  return typeof value === "string" ? text + escaped(value) + `"}}` : other + valueJson(value) + "}}";
}

/**
 * Returns a value without its braces. Integers beyond `int64` become doubles, and `NaN` and the infinities, which JSON
 * lacks, become texts.
 */
function valueJson(value: AttributeValue): string {
  if (typeof value === "string") return `"stringValue":"${escaped(value)}"`;
  if (typeof value === "boolean") return `"boolValue":${value}`;
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return `"intValue":${value}`;
    return `"doubleValue":${Number.isFinite(value) ? value : `"${value}"`}`;
  }
  if (value == null) return "";
  if (value instanceof Uint8Array) return `"bytesValue":"${value.toBase64()}"`;
  if (Array.isArray(value)) return `"arrayValue":{"values":[${value.map((one) => `{${valueJson(one)}}`).join(",")}]}`;
  const values = Object.entries(value).map(([key, one]) => attributeJson(cachedOf(key), one));
  return `"kvlistValue":{"values":[${values.join(",")}]}`;
}

/** Returns nanoseconds, rounded to microseconds: a number cannot hold nanoseconds since 1970, and a BigInt is slow. */
function nanos(ms: number): string {
  return `${Math.round(ms * 1_000)}000`;
}

/**
 * Escapes text for a JSON string. Hot path: most text needs no escape, and scanning is faster than `JSON.stringify`.
 */
export function escaped(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x22 || code === 0x5c || code >= 0xd800) return JSON.stringify(text).slice(1, -1);
  }
  return text;
}
