import type { JetStreamManager } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Publisher, Stored } from "../flow/ports.ts";
import type { OutgoingEvent } from "../nouns/event.ts";
import { encodeAttribute } from "../rules/decode.ts";
import { HeaderBlock } from "./header_block.ts";
import { type Store, StoreError } from "./jetstream_store.ts";
import type { StoredBefore } from "./late_duplicates.ts";
import { encode } from "./slab.ts";

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
    const stored = await this.jetstream.store(event.type, encode(event.json), toHeaders(event));
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
  const id = encodeAttribute(event.id);
  const block = new HeaderBlock()
    .add("Nats-Msg-Id", id)
    .add("ce-specversion", "1.0")
    .add("ce-id", id)
    .add("ce-type", event.type)
    .add("ce-source", encodeAttribute(event.source))
    .add("ce-time", event.time)
    .add("content-type", "application/json");
  for (const name in event.extensions) block.add(`ce-${name}`, encodeAttribute(event.extensions[name]));
  for (const name in event.trace) block.add(name, event.trace[name]);
  return block.asHeaders();
}
