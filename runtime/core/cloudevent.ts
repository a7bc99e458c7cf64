import type { Delivery } from "./delivery.ts";
import { errorDetail } from "./error_detail.ts";
import type { WeirEvent } from "./event.ts";
import type { ErrorDetail } from "./outcome.ts";
import { versionIn } from "./schema_version.ts";
import { convertData, type DecodeMode, decodePayload, JSON_TYPE } from "./payload.ts";
import { ReceivedEvent } from "./received_event.ts";
import { shorten } from "./text.ts";
import { upcast, type Upcasts } from "./upcast.ts";

/** One fault in some data, with its path, such as `items.0.sku`; the path is empty for the data as a whole. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** Checks data against a schema. Returns the value for the handler, or the first faults. */
export type Parse = (
  data: unknown,
) => { readonly ok: true; readonly value: unknown } | {
  readonly ok: false;
  readonly issues: readonly Issue[];
  /**
   * Faults beyond `issues` that were found; after many, the check ends.
   *
   * @default 0
   */
  readonly omitted?: number;
};

/** Joins issues to one line, for an error's message. */
export function issueText(issues: readonly Issue[], omitted = 0): string {
  const text = issues.map(({ path, message }) => path === "" ? message : `${path}: ${message}`).join("; ");
  return omitted > 0 ? `${text}; and ${omitted} more` : text;
}

/** A message as an event. An invalid one still has its attributes, for the span and the dead letter. */
export type Decoded =
  & {
    /** True if the message has no id. The id of the event is then its position in the stream. */
    readonly withoutId?: boolean;
    /** Length of the chain of emitted events that ends with this event. Absent if no function emitted the event. */
    readonly hops?: number;
  }
  & (
    | { readonly kind: "event"; readonly event: WeirEvent }
    | {
      readonly kind: "invalid";
      readonly event: WeirEvent<string, undefined>;
      readonly error: ErrorDetail;
      /** True if the event names a later version of its schema than this process has. */
      readonly isNewer?: true;
    }
  );

/** The schema of an event type. */
export interface BoundSchema {
  readonly type: string;
  readonly version: number;
  readonly parse: Parse;
  /** Applied to data of earlier versions, before the check. @default none */
  readonly upcasts?: Upcasts;
}

/**
 * Header with the length of a chain of events, in which the handler of each event emitted the next. Only emitted events
 * have it.
 */
export const HOPS = "weir-hops";
/** Content type of an event in structured mode. */
export const STRUCTURED = "application/cloudevents+json";

/**
 * Reads a message as a CloudEvent in binary or structured mode. In binary mode the id is `ce-id`, or else
 * `Nats-Msg-Id`. An event with neither, or a structured event without an id, gets the id `STREAM:SEQUENCE`.
 *
 * @param bound Declared event of this subject. Its type replaces the type that the publisher wrote, and its schema
 * checks the data. Default: no event is declared, and type and data stay as they are.
 * @param mode Form of the data. An event without data gets an empty text in the mode `text` and no bytes in the mode
 * `bytes`. Default: by the content type, and JSON without one.
 */
export function decode(delivery: Delivery, bound?: BoundSchema, mode?: DecodeMode): Decoded {
  let attributes = headerAttributes(delivery);
  const { hops } = attributes;
  try {
    const contentType = mediaType(attributes.contentType);
    const { payload } = delivery, isStructured = contentType === STRUCTURED;
    const hasNoData = payload.length === 0 && attributes.type !== undefined && (mode ?? "json") === "json";
    let data = hasNoData ? undefined : decodePayload(payload, contentType, isStructured ? "json" : mode);
    if (isStructured) {
      ({ attributes, data } = openEnvelope(data));
      if (mode) data = convertData(data, mode);
    }
    const withoutId = !attributes.id;
    if (!bound) return valid(toEvent(delivery, attributes, undefined, data), withoutId, hops);
    if (bound.upcasts) {
      data = upcast(data, versionIn(attributes.extensions.dataschema, bound.type), bound.upcasts, bound.version);
    }
    const parsed = bound.parse(data);
    if (parsed.ok) return valid(toEvent(delivery, attributes, bound.type, parsed.value), withoutId, hops);
    return refused(delivery, attributes, bound, issueText(parsed.issues, parsed.omitted));
  } catch (error) {
    return invalid(delivery, attributes, bound?.type, errorDetail(error).message);
  }
}

/** CloudEvents attributes of a message, as its publisher wrote them. */
class Attributes {
  id: string | undefined;
  type: string | undefined;
  source: string | undefined;
  time: string | undefined;
  contentType: string | undefined;
  hops: number | undefined;
  readonly extensions: Record<string, string> = {};
}

/**
 * Reads the attributes from the headers of a message. Of a repeated `ce-` header the last value counts, and of any
 * other the first. Hot path: one pass over the headers.
 */
function headerAttributes({ headers }: Delivery): Attributes {
  const attributes = new Attributes();
  let messageId: string | undefined;
  headers.each((name, value) => {
    if (name.startsWith("ce-")) setAttribute(attributes, name, decodeAttribute(value));
    else if (name === "content-type") attributes.contentType ??= value;
    else if (name === "nats-msg-id") messageId ??= value;
    else if (name === HOPS && /^[1-9]\d{0,8}$/.test(value)) attributes.hops = Number(value);
  });
  attributes.id ??= messageId;
  return attributes;
}

function setAttribute(attributes: Attributes, header: string, value: string): void {
  switch (header) {
    case "ce-id":
      attributes.id = value;
      break;
    case "ce-type":
      attributes.type = value;
      break;
    case "ce-source":
      attributes.source = value;
      break;
    case "ce-time":
      attributes.time = value;
      break;
    case "ce-specversion":
    case "ce-datacontenttype":
      break;
    default:
      attributes.extensions[header.slice(3)] = value;
  }
}

function openEnvelope(envelope: unknown): { attributes: Attributes; data: unknown } {
  if (typeof envelope !== "object" || envelope === null || Array.isArray(envelope)) {
    throw new Error("a structured CloudEvent must be a JSON object");
  }
  const { data, data_base64: binary, ...rest } = envelope as Record<string, unknown>;
  const attributes = new Attributes();
  for (const [name, value] of Object.entries(rest)) {
    if (value === null) continue;
    // Every object has the same text, `[object Object]`, so events with an object as their id would be duplicates.
    if (typeof value === "object") throw new Error(`the attribute ${shorten(name, 100)} of the CloudEvent is no text`);
    setAttribute(attributes, `ce-${name}`, String(value));
  }
  return {
    attributes,
    data: typeof binary === "string" ? Uint8Array.from(atob(binary), (char) => char.charCodeAt(0)) : data,
  };
}

/** @param type Type of the event that the subject carries. Default: the type that the message names. */
function toEvent<Data>(
  delivery: Delivery,
  { id, type: named, source, time, extensions }: Attributes,
  type: string | undefined,
  data: Data,
): WeirEvent<string, Data> {
  return new ReceivedEvent(
    id || `${delivery.stream}:${delivery.sequence}`,
    (type ?? named) || delivery.subject,
    source || `/streams/${delivery.stream}`,
    time || new Date(delivery.storedAtMs).toISOString(),
    data,
    delivery.subject,
    extensions,
    delivery.headers,
  );
}

function valid(event: WeirEvent, withoutId: boolean, hops: number | undefined): Decoded {
  return hops === undefined ? { kind: "event", withoutId, event } : { kind: "event", withoutId, event, hops };
}

/**
 * Returns an event whose data the schema refuses. An event of a later version of the schema may be valid in another
 * release.
 */
function refused(delivery: Delivery, attributes: Attributes, { type, version }: BoundSchema, issues: string): Decoded {
  const named = versionIn(attributes.extensions.dataschema, type), isNewer = named !== undefined && named > version;
  const which = isNewer ? `version ${version} of the schema of its type, and is of version ${named}` : undefined;
  return invalid(delivery, attributes, type, `does not match ${which ?? "the schema of its type"}: ${issues}`, isNewer);
}

function invalid(
  delivery: Delivery,
  attributes: Attributes,
  type: string | undefined,
  message: string,
  isNewer = false,
): Decoded {
  return {
    kind: "invalid",
    withoutId: !attributes.id,
    event: toEvent(delivery, attributes, type, undefined),
    error: { name: "InvalidEventError", message },
    ...(isNewer && { isNewer }),
  };
}

/** Returns a content type without its parameters, or an empty text if there is none. */
export function mediaType(contentType: string | null | undefined): string {
  if (!contentType || contentType === JSON_TYPE) return contentType ?? "";
  return contentType.split(";", 1)[0].trim().toLowerCase();
}

/** Percent-encodes a header value, as the CloudEvents NATS binding requires. */
export function encodeAttribute(value: string): string {
  return value.toWellFormed().replace(/[^\x21-\x7e]|["%]/gu, encodeURIComponent);
}

/** Reverses {@linkcode encodeAttribute}. */
export function decodeAttribute(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // the publisher does not encode: its text as it is says more than an error
  }
}
