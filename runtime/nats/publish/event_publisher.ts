import type { JetStreamManager } from "@nats-io/jetstream";
import type { PublishResult } from "../../engine/ports.ts";
import { type Circumstances, promised, type Storing, type TellingPublisher } from "../../engine/storing.ts";
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
export class EventPublisher implements TellingPublisher {
  constructor(readonly jetstream: Store, readonly jsm: Reader, readonly before: StoredBefore) {}

  /** @throws {PublishError} when the event is not known to be stored: `id-taken` when another event has its id. */
  publish(event: OutgoingEvent, sinceMs?: number): Promise<PublishResult> {
    return promised(this, event, sinceMs);
  }

  begin(event: OutgoingEvent, storing: Storing, { sinceMs }: Circumstances = {}): void {
    if (sinceMs === undefined) return this.#store(event, storing);
    this.before.find(event.type, encodeAttribute(event.id), sinceMs).then(
      (known) => known ? storing.stored(known) : this.#store(event, storing),
      (error) => storing.failed(error),
    );
  }

  #store(event: OutgoingEvent, storing: Storing): void {
    const { jetstream } = this, { type } = event, message = new EventMessage(this, event, storing);
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
class EventMessage implements Text, Storing {
  readonly kind = "text";

  constructor(readonly publisher: EventPublisher, readonly event: OutgoingEvent, readonly storing: Storing) {}

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
    const { storing } = this;
    if (!stored.duplicate) return storing.stored(stored);
    this.publisher.refuseAnother(this.event, stored).then(
      () => storing.stored(stored),
      (error) => storing.failed(error),
    );
  }

  failed(error: unknown): void {
    this.storing.failed(error);
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
