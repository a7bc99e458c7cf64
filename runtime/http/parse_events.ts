import { mediaType, STRUCTURED } from "../core/cloudevent.ts";
import type { Reservation } from "./body_limits.ts";
import { attributeOf, checkAttributes, keyOf } from "./event_attributes.ts";
import { malformed, Problem } from "./problem.ts";
import { parseJson, readText } from "./request_body.ts";

/** An event as the caller sent it. The attributes are checked already, and the data is not. */
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
const JSON_TYPE = /^application\/([\w!#$%&'*.^`|~+-]+\+)?json$/;
/** Attributes that CloudEvents defines. All others are extensions. */
const CORE = new Set(["id", "source", "type", "time", "specversion", "datacontenttype", "data", "data_base64"]);
const NO_EXTENSIONS: IncomingEvent["extensions"] = {};

/** Returns the media type of a body. @throws {Problem} 415 when its text is not UTF-8. */
export function bodyType({ headers }: Request): string {
  const contentType = headers.get("content-type");
  if (contentType?.includes(";") && !isUtf8(contentType)) {
    throw new Problem("unsupported-media-type", `the content type is ${contentType}: send UTF-8`);
  }
  return mediaType(contentType);
}

export function idempotencyKey(request: Request): string | undefined {
  const header = request.headers.get("idempotency-key");
  return header === null ? undefined : keyOf(header);
}

/** Reads an event whose path names its type: JSON data with CloudEvents headers, or a structured CloudEvent. */
export async function readTyped(request: Request, type: string, reservation: Reservation): Promise<IncomingEvent> {
  const contentType = bodyType(request);
  if (contentType === STRUCTURED) {
    const event = parseEnvelope(parseJson(await readText(request, reservation), "the body"));
    if (event.type !== type) throw otherType(event.type, type);
    return withId(event, idempotencyKey(request));
  }
  const isCloudEvent = request.headers.has("ce-specversion"), mayLackData = isCloudEvent && contentType === "";
  if (!mayLackData && !isJson(contentType)) throw unsupported(contentType, "application/json");
  const event = parseHeaders(request, type), text = await readText(request, reservation);
  if (text === "" && isCloudEvent) return withId(event, idempotencyKey(request)); // data is optional
  if (mayLackData) throw unsupported(contentType, "application/json");
  return withId({ ...event, data: parseJson(text, "the body") }, idempotencyKey(request));
}

/** Reads an event that names its type itself: a structured CloudEvent, or JSON data with a `ce-type` header. */
export async function readCloudEvent(request: Request, reservation: Reservation): Promise<IncomingEvent> {
  const contentType = bodyType(request);
  if (contentType === STRUCTURED) {
    const event = parseEnvelope(parseJson(await readText(request, reservation), "the body"));
    return withId(event, idempotencyKey(request));
  }
  const type = request.headers.get("ce-type");
  if (type !== null && (contentType === "" || isJson(contentType))) {
    return await readTyped(request, attributeOf("ce-type", type), reservation);
  }
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
 * @param key Idempotency-Key of the request. The key of each event is derived from it.
 * @param index Position among the events of the request, from 0.
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
  checkDataType(textOf(event, "datacontenttype"));
  const extensions: [string, string][] = [];
  for (const name of Object.keys(event)) {
    const value = event[name];
    if (CORE.has(name) || value === null || value === undefined) continue;
    if (typeof value === "object" || typeof value === "number" && value !== (value | 0)) {
      throw malformed(`attribute ${JSON.stringify(name)} is not text, boolean, or a whole number of 32 bits`);
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

function parseHeaders(request: Request, type: string): IncomingEvent {
  const attributes = new Map<string, string>();
  // Hot path: faster than `for … of`. Extensions may have any name, so every header is visited.
  request.headers.forEach((value, name) => {
    if (name.startsWith("ce-")) attributes.set(name.slice(3), attributeOf(name, value));
  });
  if (attributes.size === 0) return { type, data: undefined, extensions: NO_EXTENSIONS };
  const version = attributes.get("specversion");
  if (version !== undefined && version !== "1.0") throw malformed("ce-specversion must be 1.0");
  checkDataType(attributes.get("datacontenttype"));
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

/** Replaces the event's id by the idempotency key, if there is one, since JetStream stores an id once. */
function withId(event: IncomingEvent, id: string | undefined): IncomingEvent {
  return id === undefined ? event : checkAttributes({ ...event, id });
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

function isUtf8(contentType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1];
  return charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset);
}

function isJson(contentType: string): boolean {
  return JSON_TYPE.test(contentType) && contentType !== BATCH && contentType !== STRUCTURED;
}

/**
 * Refuses a content type other than JSON. Weir stores data as JSON and declares it so, which would hide the caller's
 * type.
 */
function checkDataType(contentType: string | undefined): void {
  if (contentType === undefined || isJson(mediaType(contentType)) && isUtf8(contentType)) return;
  const detail = `datacontenttype is ${JSON.stringify(contentType)}: the data of an event is JSON`;
  throw new Problem("unsupported-media-type", detail);
}

function unsupported(contentType: string, supported: string): Problem {
  const given = contentType === "" ? "no content type" : contentType;
  return new Problem("unsupported-media-type", `the request has ${given}; send ${supported}`);
}
