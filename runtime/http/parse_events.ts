import { decodeAttribute, mediaType, STRUCTURED } from "../core/cloudevent.ts";
import type { Reservation } from "./body_limits.ts";
import { malformed, Problem } from "./problem.ts";
import { parseJson, readText } from "./request_body.ts";

/** An event as the caller sent it. Its attributes are checked, its data is not. */
export interface IncomingEvent {
  readonly type: string;
  readonly data: unknown;
  readonly id?: string;
  readonly source?: string;
  readonly time?: string;
  readonly extensions: Readonly<Record<string, string>>;
}

export const BATCH = "application/cloudevents-batch+json";
export const NDJSON = "application/x-ndjson";
const JSON_TYPE = /^application\/(json|.+\+json)$/;

/** RFC 3339. */
const TIMESTAMP = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
/** Attributes that CloudEvents defines. All others are extensions. */
const CORE = new Set(["id", "source", "type", "time", "specversion", "datacontenttype", "data", "data_base64"]);
const NO_EXTENSIONS: IncomingEvent["extensions"] = {};

export function bodyType(request: Request): string {
  return mediaType(request.headers.get("content-type"));
}

export function idempotencyKey(request: Request): string | undefined {
  return request.headers.get("idempotency-key")?.replace(/^"(.*)"$/, "$1");
}

/** Reads an event whose path names its type: JSON data with CloudEvents headers, or a structured CloudEvent. */
export async function readTyped(request: Request, type: string, reservation: Reservation): Promise<IncomingEvent> {
  const contentType = bodyType(request);
  if (contentType === STRUCTURED) {
    const event = parseEnvelope(parseJson(await readText(request, reservation), "the body"));
    if (event.type !== type) throw otherType(event.type, type);
    return withId(event, idempotencyKey(request));
  }
  if (!JSON_TYPE.test(contentType) || contentType === BATCH) throw unsupported(contentType, "application/json");
  const event = parseHeaders(request, type);
  const data = parseJson(await readText(request, reservation), "the body");
  return withId({ ...event, data }, idempotencyKey(request));
}

/** Reads an event that names its type itself: a structured CloudEvent, or JSON data with a `ce-type` header. */
export async function readCloudEvent(request: Request, reservation: Reservation): Promise<IncomingEvent> {
  const contentType = bodyType(request);
  if (contentType === STRUCTURED) {
    const event = parseEnvelope(parseJson(await readText(request, reservation), "the body"));
    return withId(event, idempotencyKey(request));
  }
  const type = request.headers.get("ce-type");
  if (type !== null && JSON_TYPE.test(contentType)) return await readTyped(request, type, reservation);
  throw unsupported(contentType, `${STRUCTURED}, ${BATCH}, ${NDJSON}, or application/json with a ce-type header`);
}

/** Reads the envelopes of a CloudEvents batch. {@linkcode parsePart} parses each. */
export async function readBatch(request: Request, reservation: Reservation): Promise<unknown[]> {
  const batch = parseJson(await readText(request, reservation), "the body");
  if (!Array.isArray(batch)) throw malformed("a batch must be a JSON array of CloudEvents");
  return batch;
}

/**
 * Parses one of the events of a request.
 *
 * @param key Idempotency-Key of the request, of which each event gets a part
 * @param index position among the events of the request, from 0
 */
export function parsePart(envelope: unknown, key: string | undefined, index: number): IncomingEvent {
  return withId(parseEnvelope(envelope), key === undefined ? undefined : `${key}:${index}`);
}

function parseEnvelope(envelope: unknown): IncomingEvent {
  if (typeof envelope !== "object" || envelope === null || Array.isArray(envelope)) {
    throw malformed("a CloudEvent must be a JSON object");
  }
  const event = envelope as Record<string, unknown>;
  if (event.specversion !== "1.0") throw malformed('a CloudEvent needs "specversion": "1.0"');
  if (typeof event.type !== "string") throw malformed('a CloudEvent needs a "type"');
  if (event.data_base64 !== undefined) {
    throw malformed("data_base64 is not supported: the data of an event is JSON");
  }
  const extensions: [string, string][] = [];
  for (const name of Object.keys(event)) {
    const value = event[name];
    if (CORE.has(name) || value === null || value === undefined) continue;
    if (typeof value === "object") {
      throw malformed(`attribute ${JSON.stringify(name)} is not text, number or boolean`);
    }
    extensions.push([name, String(value)]);
  }
  return checkAttributes({
    type: event.type,
    data: event.data,
    id: textOf(event, "id"),
    source: textOf(event, "source"),
    time: textOf(event, "time"),
    extensions: extensions.length === 0 ? NO_EXTENSIONS : Object.fromEntries(extensions),
  });
}

function parseHeaders(request: Request, type: string): Omit<IncomingEvent, "data"> {
  const attributes = new Map<string, string>();
  // Hot path: faster than `for … of`. Extensions may have any name, so every header is visited.
  request.headers.forEach((value, name) => {
    if (name.startsWith("ce-")) attributes.set(name.slice(3), decodeAttribute(value));
  });
  if (attributes.size === 0) return { type, extensions: NO_EXTENSIONS };
  const version = attributes.get("specversion");
  if (version !== undefined && version !== "1.0") throw malformed("ce-specversion must be 1.0");
  const named = attributes.get("type");
  if (named !== undefined && named !== type) throw otherType(named, type);
  return checkAttributes({
    type,
    data: undefined,
    id: attributes.get("id"),
    source: attributes.get("source"),
    time: attributes.get("time"),
    extensions: Object.fromEntries([...attributes].filter(([name]) => !CORE.has(name))),
  });
}

/** Replaces the event's id by an idempotency key, if there is one: JetStream stores an id once. */
function withId(event: IncomingEvent, id: string | undefined): IncomingEvent {
  return id === undefined ? event : checkAttributes({ ...event, id });
}

function checkAttributes(event: IncomingEvent): IncomingEvent {
  const { id, source, time, extensions } = event;
  let wellFormed = id?.isWellFormed() !== false && source?.isWellFormed() !== false;
  for (const name in extensions) wellFormed &&= extensions[name].isWellFormed();
  if (!wellFormed) throw malformed("an attribute has a lone surrogate in it: its text must be well-formed");
  if (id !== undefined && (id === "" || id.length > 256)) {
    throw malformed("an event's id has 1 to 256 characters");
  }
  if (source !== undefined && (source === "" || /\s/.test(source))) {
    throw malformed("source is not a URI reference");
  }
  if (time !== undefined && (!TIMESTAMP.test(time) || Number.isNaN(Date.parse(time)))) {
    throw malformed(`time ${JSON.stringify(time)} is not an RFC 3339 timestamp`);
  }
  for (const name in extensions) {
    if (/^[a-z0-9]{1,20}$/.test(name)) continue;
    throw malformed(`attribute ${JSON.stringify(name)}: a name is 1 to 20 lower-case letters and digits`);
  }
  return event;
}

function textOf(event: Record<string, unknown>, name: string): string | undefined {
  const value = event[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw malformed(`${name} must be a string`);
  return value;
}

function otherType(named: string, type: string): Problem {
  return malformed(
    `the event's type is ${JSON.stringify(named)}, but the path is for ${JSON.stringify(type)}`,
  );
}

function unsupported(contentType: string, supported: string): Problem {
  const given = contentType === "" ? "no content type" : contentType;
  return new Problem("unsupported-media-type", `the request has ${given}; send ${supported}`);
}
