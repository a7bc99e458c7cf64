import type { Attributes } from "@opentelemetry/api";
import type { Outcome } from "../core/outcome.ts";
import { shorten } from "../core/text.ts";
import type { Attempt } from "../engine/attempt.ts";
import { attributeListJson, escaped } from "./otel/spans/otlp_json.ts";
import type { PreparedAttributes } from "./otel/spans/recorded_span.ts";

/** Numbers of attributes of an attempt's span: shared by deliveries of the same kind, and of one delivery. */
const SHARED = 10, OWN = 8;

/** Characters of an attribute that the event's publisher chose. */
const MAX_TEXT = 1_000;

/**
 * Shared attributes of the last attempt of each function, as JSON text: the next attempt's are nearly always the same.
 */
const lastOf = new Map<string, Shared & { readonly json: string }>();

/** The facts in the shared attributes. They are copied, since a reference would keep the delivery in memory. */
interface Shared {
  readonly functionName: string;
  readonly pattern: string | undefined;
  readonly subject: string;
  readonly stream: string;
  readonly type: string;
  readonly source: string;
}

/** The attributes of an attempt's span. Hot path: written directly as JSON text, without an object, see bench. */
export class AttemptAttributes implements PreparedAttributes {
  outcome: Outcome["kind"] | undefined;

  constructor(readonly attempt: Attempt) {}

  get count(): number {
    return SHARED + OWN;
  }

  has(key: string): boolean {
    return key in this.values();
  }

  values(): Attributes {
    return {
      ...sharedValues(sharedOf(this.attempt)),
      ...ownValues(this.attempt),
      ...this.outcome && { "weir.outcome": this.outcome },
    };
  }

  json(): string {
    const { delivery, event, number } = this.attempt;
    const id = escaped(shorten(event.id, MAX_TEXT));
    const { redrives: count, replay } = delivery.history;
    const redrives = count > 0 ? `,{"key":"weir.redrives","value":{"intValue":${count}}}` : "";
    const replayed = replay ? `,{"key":"weir.replay","value":{"stringValue":"${escaped(replay)}"}}` : "";
    const outcome = this.outcome ? `,{"key":"weir.outcome","value":{"stringValue":"${this.outcome}"}}` : "";
    return sharedJson(this.attempt) +
      `,{"key":"messaging.message.id","value":{"stringValue":"${id}"}}` +
      `,{"key":"cloudevents.event_id","value":{"stringValue":"${id}"}}` +
      `,{"key":"messaging.message.body.size","value":{"intValue":${delivery.payload.length}}}` +
      `,{"key":"weir.attempt","value":{"intValue":${number}}}` +
      `,{"key":"weir.delivery_count","value":{"intValue":${delivery.deliveryCount}}}` +
      `,{"key":"weir.stream_sequence","value":{"intValue":${delivery.sequence}}}` + redrives +
      replayed + outcome;
  }
}

function sharedJson(attempt: Attempt): string {
  const { functionName, trigger, delivery: { subject, stream }, event: { type, source } } = attempt;
  const last = lastOf.get(functionName);
  if (
    last?.pattern === trigger?.pattern && last?.subject === subject && last.stream === stream && last.type === type &&
    last.source === source
  ) return last.json;
  const shared = sharedOf(attempt), json = attributeListJson(sharedValues(shared));
  lastOf.set(functionName, { ...shared, json });
  return json;
}

function sharedOf({ functionName, trigger, delivery: { subject, stream }, event }: Attempt): Shared {
  const type = shorten(event.type, MAX_TEXT), source = shorten(event.source, MAX_TEXT);
  return { functionName, pattern: trigger?.pattern, subject, stream, type, source };
}

function sharedValues({ functionName, pattern, subject, stream, type, source }: Shared): Attributes {
  return {
    "messaging.system": "nats",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.destination.name": subject,
    ...pattern !== undefined && { "messaging.destination.template": pattern },
    "messaging.consumer.group.name": functionName,
    "cloudevents.event_type": type,
    "cloudevents.event_source": source,
    "weir.function": functionName,
    "weir.stream": stream,
  };
}

function ownValues({ delivery, event, number }: Attempt): Attributes {
  return {
    "messaging.message.id": shorten(event.id, MAX_TEXT),
    "messaging.message.body.size": delivery.payload.length,
    "cloudevents.event_id": shorten(event.id, MAX_TEXT),
    "weir.attempt": number,
    "weir.delivery_count": delivery.deliveryCount,
    "weir.stream_sequence": delivery.sequence,
    ...delivery.history.redrives > 0 && { "weir.redrives": delivery.history.redrives },
    ...delivery.history.replay && { "weir.replay": delivery.history.replay },
  };
}
