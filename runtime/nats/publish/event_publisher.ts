import type { JetStreamManager } from "@nats-io/jetstream";
import { encodeAttribute, HOPS } from "../../core/cloudevent.ts";
import type { OutgoingEvent } from "../../core/event.ts";
import {
  type Publisher,
  PublishError,
  type PublishListener,
  type PublishOptions,
  type PublishResult,
} from "../../engine/publisher.ts";
import { HeaderBlock } from "../client/header_writer.ts";
import type { DuplicateFinder } from "./late_dedup.ts";
import type { TextMessage, TextPublisher } from "./message_publisher.ts";

export interface MessageReader {
  readonly streams: Pick<JetStreamManager["streams"], "getMessage">;
}

/** Publishes events as CloudEvents 1.0 in binary mode: attributes in headers, the data as the payload. */
export class EventPublisher implements Publisher {
  constructor(readonly messages: TextPublisher, readonly jsm: MessageReader, readonly duplicates: DuplicateFinder) {}

  /** Publishes an event. It fails with `id-taken` when an event of another type has its id. */
  publish(event: OutgoingEvent, listener: PublishListener, { storedSinceMs }: PublishOptions = {}): void {
    if (storedSinceMs === undefined) return this.#publish(event, listener);
    this.duplicates.find(event.type, encodeAttribute(event.id), storedSinceMs).then(
      (known) => known ? listener.stored(known) : this.#publish(event, listener),
      (error) => listener.failed(error),
    );
  }

  /**
   * JetStream drops a repeated id within a stream whatever its subject, which would lose the event silently.
   *
   * @throws {PublishError} `id-taken` when the id belongs to an event of another type.
   */
  async checkDuplicate({ id, type }: OutgoingEvent, { stream, sequence }: PublishResult): Promise<void> {
    const earlier = await this.jsm.streams.getMessage(stream, { seq: sequence }).catch(() => null);
    if (!earlier || earlier.subject === type) return;
    const what = `id ${JSON.stringify(id)} was used for an event of type ${earlier.subject} shortly before`;
    throw new PublishError("id-taken", `${what}: use another`);
  }

  #publish(event: OutgoingEvent, listener: PublishListener): void {
    const message = new EventMessage(this, event, listener);
    this.messages.publishText(event.type, message, message);
  }
}

/** One event on its way. Hot path: it is both the message and its callbacks, one object an event. */
class EventMessage implements TextMessage, PublishListener {
  constructor(readonly publisher: EventPublisher, readonly event: OutgoingEvent, readonly listener: PublishListener) {}

  get payload(): string {
    return this.event.json;
  }

  headers(): HeaderBlock {
    const { event } = this, id = encodeAttribute(event.id);
    const block = new HeaderBlock().add("Nats-Msg-Id", id).add("ce-specversion", "1.0").add("ce-id", id)
      .addAll(sharedHeaders(event));
    if (event.hops !== undefined) block.add(HOPS, String(event.hops));
    for (const name in event.extensions) block.add(`ce-${name}`, encodeAttribute(event.extensions[name]));
    for (const name in event.trace) block.add(name, event.trace[name]);
    return block;
  }

  stored(result: PublishResult): void {
    const { listener } = this;
    if (!result.duplicate) return listener.stored(result);
    this.publisher.checkDuplicate(this.event, result).then(
      () => listener.stored(result),
      (error) => listener.failed(error),
    );
  }

  failed(error: unknown): void {
    this.listener.failed(error);
  }
}

let shared = { type: "", source: "", time: "", headers: new HeaderBlock() };

/** Hot path: events of a millisecond mostly differ in their id alone, so the last other headers are reused. */
function sharedHeaders({ type, source, time }: OutgoingEvent): HeaderBlock {
  if (type === shared.type && source === shared.source && time === shared.time) return shared.headers;
  const headers = new HeaderBlock()
    .add("ce-type", type)
    .add("ce-source", encodeAttribute(source))
    .add("ce-time", time)
    .add("content-type", "application/json");
  shared = { type, source, time, headers };
  return headers;
}
