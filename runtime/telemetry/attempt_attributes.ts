import type { Attributes } from "@opentelemetry/api";
import type { Invocation } from "../engine/ports.ts";
import type { Outcome } from "../core/outcome.ts";
import { attributeListJson, escaped } from "./otel/spans/otlp_json.ts";
import type { PreparedAttributes } from "./otel/spans/recorded_span.ts";

/** Numbers of attributes of an attempt's span: shared by deliveries of the same kind, and of one delivery. */
const SHARED = 10, OWN = 7;
const NAMES = new Set([
  "messaging.system",
  "messaging.operation.name",
  "messaging.operation.type",
  "messaging.destination.name",
  "messaging.destination.template",
  "messaging.consumer.group.name",
  "messaging.message.id",
  "messaging.message.body.size",
  "cloudevents.event_id",
  "cloudevents.event_type",
  "cloudevents.event_source",
  "weir.function",
  "weir.attempt",
  "weir.delivery_count",
  "weir.stream",
  "weir.stream_sequence",
  "weir.redrives",
  "weir.outcome",
]);

/** The part that deliveries share, as text, and what it was made of: that of the last one is nearly always the next one's. */
let last = { invocation: undefined as Invocation | undefined, json: "" };

/**
 * The attributes of an attempt's span. Written at once as text they take 0.5 µs; kept in an object, and written from
 * that, 1.6.
 */
export class AttemptAttributes implements PreparedAttributes {
  outcome: Outcome["kind"] | undefined;

  constructor(readonly invocation: Invocation) {}

  get count(): number {
    return SHARED + OWN;
  }

  has(key: string): boolean {
    return NAMES.has(key);
  }

  values(): Attributes {
    return {
      ...sharedBy(this.invocation),
      ...ownOf(this.invocation),
      ...this.outcome && { "weir.outcome": this.outcome },
    };
  }

  json(): string {
    const { delivery, event, attempt } = this.invocation;
    const id = escaped(event.id);
    const redrives = delivery.history.redrives > 0 ? `,${integer("weir.redrives", delivery.history.redrives)}` : "";
    const outcome = this.outcome ? `,{"key":"weir.outcome","value":{"stringValue":"${this.outcome}"}}` : "";
    return sharedJson(this.invocation) +
      `,{"key":"messaging.message.id","value":{"stringValue":"${id}"}}` +
      `,{"key":"cloudevents.event_id","value":{"stringValue":"${id}"}}` +
      `,{"key":"messaging.message.body.size","value":{"intValue":${delivery.payload.length}}}` +
      `,{"key":"weir.attempt","value":{"intValue":${attempt}}}` +
      `,{"key":"weir.delivery_count","value":{"intValue":${delivery.deliveryCount}}}` +
      `,{"key":"weir.stream_sequence","value":{"intValue":${delivery.sequence}}}` + redrives + outcome;
  }
}

function integer(key: string, value: number): string {
  return `{"key":"${key}","value":{"intValue":${value}}}`;
}

function sharedJson(invocation: Invocation): string {
  const known = last.invocation;
  if (known === undefined || !isAlike(known, invocation)) {
    const { functionName, trigger, delivery, event } = invocation;
    // Only what is compared is kept: a delivery would hold on to all that came with it.
    const { subject, stream } = delivery, { type, source } = event;
    const kept = { functionName, trigger, delivery: { subject, stream }, event: { type, source } } as Invocation;
    last = { invocation: kept, json: attributeListJson(sharedBy(invocation)) };
  }
  return last.json;
}

function isAlike(a: Invocation, b: Invocation): boolean {
  return a.functionName === b.functionName && a.trigger === b.trigger && a.delivery.subject === b.delivery.subject &&
    a.delivery.stream === b.delivery.stream && a.event.type === b.event.type && a.event.source === b.event.source;
}

function sharedBy({ functionName, trigger, delivery, event }: Invocation): Attributes {
  return {
    "messaging.system": "nats",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.destination.name": delivery.subject,
    ...trigger !== undefined && { "messaging.destination.template": trigger },
    "messaging.consumer.group.name": functionName,
    "cloudevents.event_type": event.type,
    "cloudevents.event_source": event.source,
    "weir.function": functionName,
    "weir.stream": delivery.stream,
  };
}

function ownOf({ delivery, event, attempt }: Invocation): Attributes {
  return {
    "messaging.message.id": event.id,
    "messaging.message.body.size": delivery.payload.length,
    "cloudevents.event_id": event.id,
    "weir.attempt": attempt,
    "weir.delivery_count": delivery.deliveryCount,
    "weir.stream_sequence": delivery.sequence,
    ...delivery.history.redrives > 0 && { "weir.redrives": delivery.history.redrives },
  };
}
