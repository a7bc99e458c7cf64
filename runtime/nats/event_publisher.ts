import type { JetStreamManager } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Publisher, Stored } from "../flow/ports.ts";
import type { OutgoingEvent } from "../nouns/event.ts";
import { encodeAttribute } from "../rules/decode.ts";
import { type Store, StoreError } from "./jetstream_store.ts";
import type { StoredBefore } from "./late_duplicates.ts";

const UTF8 = new TextEncoder();

/** What shows a stored event. */
export interface Reader {
  readonly streams: Pick<JetStreamManager["streams"], "getMessage">;
}

/** Publishes events as CloudEvents 1.0 in binary mode: attributes in headers, the data as the payload. */
export class EventPublisher implements Publisher {
  constructor(readonly jetstream: Store, readonly jsm: Reader, readonly before: StoredBefore) {}

  /** @throws {StoreError} when the event is not known to be stored: `id-taken` when another event has its id. */
  async publish(event: OutgoingEvent, sinceMs?: number): Promise<Stored> {
    const known = sinceMs !== undefined &&
      await this.before.find(event.type, encodeAttribute(event.id), sinceMs);
    if (known) return known;
    const stored = await this.jetstream.store(event.type, UTF8.encode(event.json), toHeaders(event));
    if (stored.duplicate) await this.#refuseAnother(event, stored);
    return stored;
  }

  /** JetStream drops a repeated id within a stream whatever its subject: that would be a loss, and nobody told. */
  async #refuseAnother({ id, type }: OutgoingEvent, { stream, sequence }: Stored): Promise<void> {
    const earlier = await this.jsm.streams.getMessage(stream, { seq: sequence }).catch(() => null);
    if (!earlier || earlier.subject === type) return;
    const what = `id ${
      JSON.stringify(id)
    } was used for an event of type ${earlier.subject} shortly before: use another`;
    throw new StoreError("id-taken", what);
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
