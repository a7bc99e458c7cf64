import { decodeAttribute, mediaType, STRUCTURED } from "../core/cloudevent.ts";
import type { Reservation } from "./memory_budget.ts";
import { malformed, parseJson, readText } from "./request_body.ts";
import { Problem } from "./problem.ts";

/** An event as a caller sent it: nothing of it has been checked against a schema. */
export interface IncomingEvent {
  readonly type: string;
  readonly data: unknown;
  readonly id?: string;
  readonly source?: string;
  readonly time?: string;
  readonly extensions: Readonly<Record<string, string>>;
}

const BATCH = "application/cloudevents-batch+json";
const NDJSON = "application/x-ndjson";

/** RFC 3339. */
const TIMESTAMP = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
/** Attributes with a meaning of their own; every other one is an extension. */
const CORE = new Set(["id", "source", "type", "time", "specversion", "datacontenttype", "data", "data_base64"]);
const NONE: Readonly<Record<string, string>> = {};

/** Reads `POST /events/{type}` or a route: plain JSON data, with CloudEvents attributes in headers if any. */
export async function readTyped(request: Request, type: string, place: Reservation): Promise<IncomingEvent> {
  const contentType = mediaType(request.headers.get("content-type"));
  if (contentType === STRUCTURED) {
    const event = fromEnvelope(parseJson(await readText(request, place)));
    if (event.type !== type) throw otherType(event.type, type);
    return withIdempotencyKey(event, request);
  }
  if (!/^application\/(json|.+\+json)$/.test(contentType) || contentType === BATCH) {
    throw unsupported(contentType, "application/json");
  }
  const event = fromHeaders(request, type);
  return withIdempotencyKey({ ...event, data: parseJson(await readText(request, place)) }, request);
}

/** Whether each line of the body is an event: then {@linkcode readLine} reads them, as they come. */
export function isNdjson(request: Request): boolean {
  return mediaType(request.headers.get("content-type")) === NDJSON;
}

/**
 * Reads one line of `POST /events`.
 *
 * @param key the request's, if it has one
 * @param index the event's place among those of the request, from 0
 */
export function readLine(line: string, key: string | undefined, index: number): IncomingEvent {
  return numbered(fromEnvelope(parseJson(line, "the line")), key, index);
}

/** Reads `POST /events`: CloudEvents that name their type themselves, one or many. */
export async function readEnvelopes(
  request: Request,
  place: Reservation,
): Promise<{ readonly many: boolean; readonly events: IncomingEvent[] }> {
  const contentType = mediaType(request.headers.get("content-type"));
  switch (contentType) {
    case STRUCTURED: {
      const event = fromEnvelope(parseJson(await readText(request, place)));
      return { many: false, events: [withIdempotencyKey(event, request)] };
    }
    case BATCH: {
      const batch = parseJson(await readText(request, place));
      if (!Array.isArray(batch)) throw malformed("a batch must be a JSON array of CloudEvents");
      const key = idempotencyKey(request);
      return { many: true, events: batch.map((event, i) => at(i, () => numbered(fromEnvelope(event), key, i))) };
    }
  }
  const type = request.headers.get("ce-type");
  if (type !== null && /^application\/(json|.+\+json)$/.test(contentType)) {
    return { many: false, events: [await readTyped(request, type, place)] };
  }
  throw unsupported(
    contentType,
    `${STRUCTURED}, ${BATCH}, ${NDJSON}, or application/json with a ce-type header`,
  );
}

function fromEnvelope(envelope: unknown): IncomingEvent {
  if (typeof envelope !== "object" || envelope === null || Array.isArray(envelope)) {
    throw malformed("a CloudEvent must be a JSON object");
  }
  const event = envelope as Record<string, unknown>;
  if (event.specversion !== "1.0") throw malformed('a CloudEvent needs "specversion": "1.0"');
  if (typeof event.type !== "string") throw malformed('a CloudEvent needs a "type"');
  if (event.data_base64 !== undefined) {
    throw malformed("data_base64 is not taken: the data of an event is JSON");
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
  return checked({
    type: event.type,
    data: event.data,
    id: text(event, "id"),
    source: text(event, "source"),
    time: text(event, "time"),
    extensions: extensions.length === 0 ? NONE : Object.fromEntries(extensions),
  });
}

function fromHeaders(request: Request, type: string): Omit<IncomingEvent, "data"> {
  const attributes = new Map<string, string>();
  // Not `for … of`, which takes a microsecond more; and names may be any, so that all of them are looked at.
  request.headers.forEach((value, name) => {
    if (name.startsWith("ce-")) attributes.set(name.slice(3), decodeAttribute(value));
  });
  if (attributes.size === 0) return { type, extensions: NONE };
  const version = attributes.get("specversion");
  if (version !== undefined && version !== "1.0") throw malformed("ce-specversion must be 1.0");
  const named = attributes.get("type");
  if (named !== undefined && named !== type) throw otherType(named, type);
  return checked({
    type,
    data: undefined,
    id: attributes.get("id"),
    source: attributes.get("source"),
    time: attributes.get("time"),
    extensions: Object.fromEntries([...attributes].filter(([name]) => !CORE.has(name))),
  });
}

/** The key a caller repeats a request with becomes the event's id: JetStream stores one id once. */
function withIdempotencyKey(event: IncomingEvent, request: Request): IncomingEvent {
  const id = idempotencyKey(request);
  return id === undefined ? event : checked({ ...event, id });
}

/** The key that a request has, if any. */
export function idempotencyKey(request: Request): string | undefined {
  return request.headers.get("idempotency-key")?.replace(/^"(.*)"$/, "$1");
}

/** Of many events in one request each has its own part of the key. */
function numbered(event: IncomingEvent, key: string | undefined, index: number): IncomingEvent {
  return key === undefined ? event : checked({ ...event, id: `${key}:${index}` });
}

function checked(event: IncomingEvent): IncomingEvent {
  const { id, source, time, extensions } = event;
  let whole = id?.isWellFormed() !== false && source?.isWellFormed() !== false;
  for (const name in extensions) whole &&= extensions[name].isWellFormed();
  if (!whole) throw malformed("an attribute has half a character in it: its text must be well-formed");
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

function text(event: Record<string, unknown>, name: string): string | undefined {
  const value = event[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw malformed(`${name} must be a string`);
  return value;
}

function at<Value>(index: number, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(error.status, error.title, `event ${index}: ${error.detail}`);
  }
}

function otherType(named: string, type: string): Problem {
  return malformed(
    `the event says it is ${JSON.stringify(named)}, but it was posted as ${JSON.stringify(type)}`,
  );
}

function unsupported(contentType: string, wanted: string): Problem {
  const got = contentType === "" ? "no content type" : contentType;
  return new Problem(415, "Unsupported Media Type", `the request has ${got}; send ${wanted}`);
}
