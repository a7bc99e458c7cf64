import type { Delivery } from "../nouns/delivery.ts";
import type { WeirEvent } from "../nouns/event.ts";
import type { ErrorDetail } from "../nouns/outcome.ts";

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

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const STRUCTURED = "application/cloudevents+json";

/**
 * Reads a message as a CloudEvent (binary or structured mode) or, when it has no CloudEvents headers, as plain
 * JSON named after its place in the stream.
 *
 * @param bound the event that this subject carries: its type, whatever the publisher calls it, and its schema. Without
 * one the data is handed over as it was decoded.
 */
export function decode(delivery: Delivery, bound?: { readonly type: string; readonly parse: Parse }): Decoded {
  const contentType = mediaType(delivery.headers.get("content-type"));
  let attributes = headerAttributes(delivery);
  const named = (given: Map<string, string>) => bound ? given.set("type", bound.type) : given;
  try {
    let data = decodeData(delivery.payload, contentType);
    if (contentType === STRUCTURED) ({ attributes, data } = openEnvelope(data));
    const parsed = bound?.parse(data) ?? { ok: true as const, value: data };
    if (parsed.ok) return { kind: "event", event: toEvent(delivery, named(attributes), parsed.value) };
    return invalid(
      delivery,
      named(attributes),
      `does not match the schema of its type: ${issueText(parsed.issues)}`,
    );
  } catch (error) {
    return invalid(delivery, named(attributes), error instanceof Error ? error.message : String(error));
  }
}

function decodeData(payload: Uint8Array, contentType: string): unknown {
  if (contentType !== "" && !/^(application|text)\/(json|.*\+json)$/.test(contentType)) {
    return contentType.startsWith("text/") ? UTF8.decode(payload) : payload;
  }
  let text: string;
  try {
    text = UTF8.decode(payload);
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

function headerAttributes({ headers }: Delivery): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [name, value] of headers.entries()) {
    const lower = name.toLowerCase();
    if (lower.startsWith("ce-")) attributes.set(lower.slice(3), decodeAttribute(value));
  }
  const messageId = headers.get("nats-msg-id");
  if (!attributes.has("id") && messageId) attributes.set("id", messageId);
  return attributes;
}

function openEnvelope(envelope: unknown): { attributes: Map<string, string>; data: unknown } {
  if (typeof envelope !== "object" || envelope === null || Array.isArray(envelope)) {
    throw new Error("a structured CloudEvent must be a JSON object");
  }
  const { data, data_base64: binary, ...rest } = envelope as Record<string, unknown>;
  return {
    attributes: new Map(
      Object.entries(rest).filter(([, value]) => value !== null).map(([name, value]) => [name, String(value)]),
    ),
    data: typeof binary === "string" ? Uint8Array.from(atob(binary), (char) => char.charCodeAt(0)) : data,
  };
}

function toEvent<Data>(
  delivery: Delivery,
  attributes: Map<string, string>,
  data: Data,
): WeirEvent<string, Data> {
  const { id, type, source, time, specversion: _version, datacontenttype: _type, ...extensions } = Object
    .fromEntries(attributes);
  return {
    id: id || `${delivery.stream}:${delivery.sequence}`,
    type: type || delivery.subject,
    source: source || `/streams/${delivery.stream}`,
    time: time || new Date(delivery.storedAtMs).toISOString(),
    data,
    subject: delivery.subject,
    extensions,
  };
}

function invalid(delivery: Delivery, attributes: Map<string, string>, message: string): Decoded {
  return {
    kind: "invalid",
    event: toEvent(delivery, attributes, undefined),
    error: { name: "InvalidEventError", message },
  };
}

function mediaType(contentType: string | undefined): string {
  return contentType === undefined ? "" : contentType.split(";", 1)[0].trim().toLowerCase();
}

/** Header values are percent-encoded on the wire, as the CloudEvents NATS binding asks. */
export function encodeAttribute(value: string): string {
  return value.toWellFormed().replace(/[^\x21-\x7e]|["%]/gu, encodeURIComponent);
}

function decodeAttribute(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a publisher that does not encode: its text as it stands says more than an error
  }
}
