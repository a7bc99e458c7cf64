import type { Delivery } from "./delivery.ts";
import type { WeirEvent } from "./event.ts";
import type { ErrorDetail } from "./outcome.ts";

/** One thing that is wrong with some data, and where: `items.0.sku`, or nothing for the whole. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** Checks data against a schema: the value a handler gets, or everything that is wrong with it. */
export type Parse = (
  data: unknown,
) => { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly issues: readonly Issue[] };

/** Issues on one line, for an error's message. */
export function issueText(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => path === "" ? message : `${path}: ${message}`).join("; ");
}

/** A message read as an event. An invalid one still has its attributes, for the span and the dead letter. */
export type Decoded =
  | { readonly kind: "event"; readonly event: WeirEvent }
  | { readonly kind: "invalid"; readonly event: WeirEvent<string, undefined>; readonly error: ErrorDetail };

const UTF8 = new TextDecoder(), STRICT = new TextDecoder("utf-8", { fatal: true });
/** What a decoder that is not strict puts in the place of what is no UTF-8. */
const REPLACEMENT = "\ufffd";
const JSON_TYPE = "application/json";
/** The content type of an event in structured mode. */
export const STRUCTURED = "application/cloudevents+json";

/**
 * Reads a message as a CloudEvent (binary or structured mode) or, when it has no CloudEvents headers, as plain
 * JSON named after its place in the stream.
 *
 * @param bound the event that this subject carries: its type, whatever the publisher calls it, and its schema. Without
 * one the data is handed over as it was decoded.
 */
export function decode(delivery: Delivery, bound?: { readonly type: string; readonly parse: Parse }): Decoded {
  let attributes = headerAttributes(delivery);
  try {
    const contentType = mediaType(attributes.contentType);
    let data = decodeData(delivery.payload, contentType);
    if (contentType === STRUCTURED) ({ attributes, data } = openEnvelope(data));
    if (!bound) return { kind: "event", event: toEvent(delivery, attributes, undefined, data) };
    const parsed = bound.parse(data);
    if (parsed.ok) return { kind: "event", event: toEvent(delivery, attributes, bound.type, parsed.value) };
    const message = `does not match the schema of its type: ${issueText(parsed.issues)}`;
    return invalid(delivery, attributes, bound?.type, message);
  } catch (error) {
    return invalid(delivery, attributes, bound?.type, error instanceof Error ? error.message : String(error));
  }
}

/** The strict decoder takes three times as long: it is asked only where there is a doubt. @throws {TypeError} */
function strictText(bytes: Uint8Array): string {
  const text = UTF8.decode(bytes);
  return text.includes(REPLACEMENT) ? STRICT.decode(bytes) : text;
}

function decodeData(payload: Uint8Array, contentType: string): unknown {
  if (contentType !== "" && contentType !== JSON_TYPE && !/^(application|text)\/(json|.*\+json)$/.test(contentType)) {
    return contentType.startsWith("text/") ? strictText(payload) : payload;
  }
  let text: string;
  try {
    text = strictText(payload);
  } catch {
    throw new Error(`the payload (${payload.length} bytes) is not UTF-8 text`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // What V8 quotes of the text is left out: this is logged, and payloads are not.
    const why = (error as Error).message.replace(/, (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, "");
    throw new Error(`the payload (${payload.length} bytes) is not JSON: ${why}`);
  }
}

/** What a message says of itself. */
class Attributes {
  id: string | undefined;
  type: string | undefined;
  source: string | undefined;
  time: string | undefined;
  contentType: string | undefined;
  readonly extensions: Record<string, string> = {};
}

/** In one pass over the headers, since every event comes this way. Of what is said twice the last counts. */
function headerAttributes({ headers }: Delivery): Attributes {
  const attributes = new Attributes();
  let messageId: string | undefined;
  headers.each((name, value) => {
    if (name.startsWith("ce-")) setAttribute(attributes, name, decodeAttribute(value));
    else if (name === "content-type") attributes.contentType ??= value;
    else if (name === "nats-msg-id") messageId ??= value;
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
    if (value !== null) setAttribute(attributes, `ce-${name}`, String(value));
  }
  return {
    attributes,
    data: typeof binary === "string" ? Uint8Array.from(atob(binary), (char) => char.charCodeAt(0)) : data,
  };
}

/** @param type as the subject's event is called, whatever the message says; undefined: as that says */
function toEvent<Data>(
  delivery: Delivery,
  { id, type: named, source, time, extensions }: Attributes,
  type: string | undefined,
  data: Data,
): WeirEvent<string, Data> {
  return {
    id: id || `${delivery.stream}:${delivery.sequence}`,
    type: (type ?? named) || delivery.subject,
    source: source || `/streams/${delivery.stream}`,
    time: time || new Date(delivery.storedAtMs).toISOString(),
    data,
    subject: delivery.subject,
    extensions,
  };
}

function invalid(
  delivery: Delivery,
  attributes: Attributes,
  type: string | undefined,
  message: string,
): Decoded {
  return {
    kind: "invalid",
    event: toEvent(delivery, attributes, type, undefined),
    error: { name: "InvalidEventError", message },
  };
}

/** A content type without its parameters; empty where there is none. */
export function mediaType(contentType: string | null | undefined): string {
  if (!contentType || contentType === JSON_TYPE) return contentType ?? "";
  return contentType.split(";", 1)[0].trim().toLowerCase();
}

/** Header values are percent-encoded on the wire, as the CloudEvents NATS binding asks. */
export function encodeAttribute(value: string): string {
  return value.toWellFormed().replace(/[^\x21-\x7e]|["%]/gu, encodeURIComponent);
}

/** The reverse of {@linkcode encodeAttribute}. */
export function decodeAttribute(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a publisher that does not encode: its text as it stands says more than an error
  }
}
