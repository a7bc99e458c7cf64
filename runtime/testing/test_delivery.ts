import { payloadText } from "../api/define_event.ts";
import { type ResolvedFunction, triggerFor } from "../project/resolve_function.ts";
import type { Clock } from "../engine/clock.ts";
import type { Delivery } from "../core/delivery.ts";
import { encodeAttribute } from "../core/cloudevent.ts";
import { dataSchemaOf } from "../core/schema_version.ts";
import { jsonText } from "../core/json_text.ts";
import { HeaderList } from "../core/headers.ts";
import { describeValue } from "../project/option_schemas.ts";
import type { InvokeOptions } from "./invoke_options.ts";
import type { RecordedEvent } from "./recorded_event.ts";

type DeliveryOptions = Pick<InvokeOptions, "event" | "subject" | "id" | "headers">;

/** Makes the first delivery of an event. Data becomes a CloudEvent; a recorded event stays as it was. */
export function deliveryOf(fn: ResolvedFunction, data: unknown, options: DeliveryOptions, clock: Clock): Delivery {
  if (isRecorded(data)) {
    const { stream, sequence, payload } = data;
    return {
      ...FIRST,
      stream,
      sequence,
      subject: options.subject ?? data.subject,
      messageKey: `${stream}.${sequence}.${data.time}`,
      storedAtMs: Date.parse(data.time),
      payload,
      headers: new HeaderList(Object.entries({ ...data.headers, ...options.headers })),
    };
  }
  const subject = options.subject ?? options.event?.type ?? subjectOf(fn.triggers[0].pattern);
  const version = (options.event ?? triggerFor(fn, subject)?.event)?.version;
  const { payload, contentType } = encode(fn, data, subject);
  return {
    ...FIRST,
    stream: "TEST",
    sequence: 1,
    subject,
    messageKey: "TEST.1",
    storedAtMs: clock.now(),
    payload,
    headers: new HeaderList([
      ["ce-id", encodeAttribute(options.id ?? "test-event")],
      ["ce-type", subject],
      ["ce-source", "/test"],
      ["content-type", contentType],
      ...(version === undefined ? [] : [["ce-dataschema", dataSchemaOf(subject, version)] as const]),
      ...Object.entries(options.headers ?? {}),
    ]),
  };
}

/** Returns the payload that the function decodes to this data. */
function encode(fn: ResolvedFunction, data: unknown, subject: string) {
  const { name, policy: { decode } } = fn, { event } = triggerFor(fn, subject) ?? {};
  if (decode === "bytes") {
    const payload = data ?? new Uint8Array();
    if (payload instanceof Uint8Array) return { payload, contentType: "application/octet-stream" };
    throw new TypeError(`${name} has \`decode: "bytes"\`: its data is a Uint8Array, not ${describeValue(data)}`);
  }
  const text = decode === "text"
    ? data ?? ""
    : event
    ? payloadText(event, data, name)
    : data === undefined
    ? ""
    : jsonText(data, name, "the data");
  if (typeof text !== "string") {
    throw new TypeError(`${name} has \`decode: "text"\`: its data is a string, not ${describeValue(data)}`);
  }
  const contentType = decode === "text" ? "text/plain" : "application/json";
  return { payload: new TextEncoder().encode(text), contentType };
}

/** Returns a subject that a pattern covers: messages are published on subjects, not on patterns. */
function subjectOf(pattern: string): string {
  return pattern.split(".").map((token) => token === "*" || token === ">" ? "any" : token).join(".");
}

const FIRST = {
  deliveryCount: 1,
  history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
  ackSubject: new Uint8Array(),
};

function isRecorded(data: unknown): data is RecordedEvent {
  const { kind, payload } = (data ?? {}) as Partial<RecordedEvent>;
  return kind === "recorded" && payload instanceof Uint8Array;
}
