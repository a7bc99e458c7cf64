import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Publisher, Stored } from "../flow/ports.ts";
import type { OutgoingEvent } from "../nouns/event.ts";
import { encodeAttribute } from "../rules/decode.ts";
import type { JetStreamStore } from "./jetstream_store.ts";

const UTF8 = new TextEncoder();

/** Publishes events as CloudEvents 1.0 in binary mode: attributes in headers, the data as the payload. */
export class EventPublisher implements Publisher {
  constructor(readonly jetstream: JetStreamStore) {}

  publish(event: OutgoingEvent): Promise<Stored> {
    return this.jetstream.store(event.type, UTF8.encode(event.json), toHeaders(event));
  }
}

function toHeaders(event: OutgoingEvent): MsgHdrs {
  const hdrs = headers();
  const id = encodeAttribute(event.id);
  hdrs.set("Nats-Msg-Id", id);
  hdrs.set("ce-specversion", "1.0");
  hdrs.set("ce-id", id);
  hdrs.set("ce-type", event.type);
  hdrs.set("ce-source", encodeAttribute(event.source));
  hdrs.set("ce-time", event.time);
  hdrs.set("content-type", "application/json");
  for (const [name, value] of Object.entries(event.extensions ?? {})) {
    hdrs.set(`ce-${name}`, encodeAttribute(value));
  }
  for (const [name, value] of Object.entries(event.trace ?? {})) hdrs.set(name, value);
  return hdrs;
}
