import type { JetStreamManager } from "@nats-io/jetstream";
import type { Publisher, PublishListener, PublishOptions, PublishResult } from "../../engine/publisher.ts";
import type { OutgoingEvent } from "../../core/event.ts";
import { encodeAttribute } from "../../core/cloudevent.ts";
import { HeaderBlock } from "../client/header_block.ts";
import { PublishError, type Store, type Text } from "./jetstream_publisher.ts";
import type { StoredBefore } from "./late_dedup.ts";
import { encode } from "../client/encode_pool.ts";

/** What shows a stored event. */
export interface Reader {
  readonly streams: Pick<JetStreamManager["streams"], "getMessage">;
}

/** Publishes events as CloudEvents 1.0 in binary mode: attributes in headers, the data as the payload. */
export class EventPublisher implements Publisher {
  constructor(readonly jetstream: Store, readonly jsm: Reader, readonly before: StoredBefore) {}

  publish(event: OutgoingEvent, listener: PublishListener, { storedSinceMs }: PublishOptions = {}): void {
    if (storedSinceMs === undefined) return this.#store(event, listener);
    this.before.find(event.type, encodeAttribute(event.id), storedSinceMs).then(
      (known) => known ? listener.stored(known) : this.#store(event, listener),
      (error) => listener.failed(error),
    );
  }

  #store(event: OutgoingEvent, listener: PublishListener): void {
    const { jetstream } = this, { type } = event, message = new EventMessage(this, event, listener);
    if (jetstream.begin) return jetstream.begin(type, message, message);
    const promise = async () => await jetstream.store(type, encode(event.json), message.headers().asHeaders());
    promise().then((stored) => message.stored(stored), (error) => message.failed(error));
  }

  /** JetStream drops a repeated id within a stream whatever its subject: that would be a loss, and nobody told. */
  async refuseAnother({ id, type }: OutgoingEvent, { stream, sequence }: PublishResult): Promise<void> {
    const earlier = await this.jsm.streams.getMessage(stream, { seq: sequence }).catch(() => null);
    if (!earlier || earlier.subject === type) return;
    const what = `id ${
      JSON.stringify(id)
    } was used for an event of type ${earlier.subject} shortly before: use another`;
    throw new PublishError("id-taken", what);
  }
}

/** One event on its way. What is there already is looked at. */
class EventMessage implements Text, PublishListener {
  readonly kind = "text";

  constructor(readonly publisher: EventPublisher, readonly event: OutgoingEvent, readonly listener: PublishListener) {}

  get payload(): string {
    return this.event.json;
  }

  headers(): HeaderBlock {
    const { event } = this, id = encodeAttribute(event.id);
    const block = new HeaderBlock().add("Nats-Msg-Id", id).add("ce-specversion", "1.0").add("ce-id", id)
      .addAll(commonOf(event));
    for (const name in event.extensions) block.add(`ce-${name}`, encodeAttribute(event.extensions[name]));
    for (const name in event.trace) block.add(name, event.trace[name]);
    return block;
  }

  stored(stored: PublishResult): void {
    const { listener } = this;
    if (!stored.duplicate) return listener.stored(stored);
    this.publisher.refuseAnother(this.event, stored).then(
      () => listener.stored(stored),
      (error) => listener.failed(error),
    );
  }

  failed(error: unknown): void {
    this.listener.failed(error);
  }
}

let common = { type: "", source: "", time: "", headers: new HeaderBlock() };

/** Events come by the dozen in a millisecond, and then mostly from one place: but for the id they say the same. */
function commonOf({ type, source, time }: OutgoingEvent): HeaderBlock {
  if (type === common.type && source === common.source && time === common.time) return common.headers;
  const headers = new HeaderBlock()
    .add("ce-type", type)
    .add("ce-source", encodeAttribute(source))
    .add("ce-time", time)
    .add("content-type", "application/json");
  common = { type, source, time, headers };
  return headers;
}
