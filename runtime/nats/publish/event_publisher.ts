import { isDeepStrictEqual } from "node:util";
import type { JetStreamManager } from "@nats-io/jetstream";
import { encodeAttribute, HOPS } from "../../core/cloudevent.ts";
import type { OutgoingEvent } from "../../core/event.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { dataSchemaOf } from "../../core/schema_version.ts";
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

const DECODER = new TextDecoder();

export interface MessageReader {
  readonly streams: Pick<JetStreamManager["streams"], "getMessage">;
}

/** Publishes events as CloudEvents 1.0 in binary mode: attributes in headers, the data as the payload. */
export class EventPublisher implements Publisher {
  /**
   * @param idsAreGiven Whether the ids come from callers of the ingress. A caller's id must stand for the same body
   * each time. An id that Weir derives need not, since a repeated attempt of a handler may emit another body. Default:
   * ids are derived.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly messages: TextPublisher,
    readonly jsm: MessageReader,
    readonly duplicates: DuplicateFinder,
    readonly idsAreGiven = false,
    readonly names: Namespace = NO_NAMESPACE,
  ) {}

  /** Publishes an event. Fails with `id-taken` if its source has used the id for an event of another type or body. */
  publish(event: OutgoingEvent, listener: PublishListener, { storedSinceMs }: PublishOptions = {}): void {
    if (storedSinceMs === undefined) return this.#publish(event, listener);
    this.duplicates.find(this.names.subject(event.type), messageId(event), storedSinceMs).then(
      (known) => known ? listener.stored(known) : this.#publish(event, listener),
      (error) => listener.failed(error),
    );
  }

  /**
   * Rejects if JetStream has dropped an event because another event had its id. JetStream compares only ids, not types
   * or bodies, so without this check the event would be lost silently.
   *
   * @throws {PublishError} `id-taken` if the stored event has another type or body: the ingress answers it with 422.
   * `unavailable` if a caller's id is given and the stored event cannot be read.
   */
  async refuseReusedId({ id, type, json }: OutgoingEvent, { stream, sequence }: PublishResult): Promise<void> {
    const named = `id ${JSON.stringify(id)}`;
    const earlier = await this.jsm.streams.getMessage(stream, { seq: sequence }).catch((cause) => {
      if (!this.idsAreGiven) return null;
      const what = `${named} was used before, and it cannot be told whether for the same data: ${cause.message}`;
      throw new PublishError("unavailable", what, { cause });
    });
    if (!earlier) return;
    const before = (what: string) =>
      new PublishError("id-taken", `${named} was used for ${what} shortly before: use another`);
    const earlierType = this.names.typeOf(earlier.subject, stream);
    if (earlierType !== type) throw before(`an event of type ${earlierType}`);
    if (this.idsAreGiven && !isSameJson(DECODER.decode(earlier.data), json)) throw before("other data");
  }

  #publish(event: OutgoingEvent, listener: PublishListener): void {
    const message = new EventMessage(this, event, listener);
    this.messages.publishText(this.names.subject(event.type), message, message);
  }
}

/** An event that is being published. Hot path: the message and its callbacks are one object an event. */
class EventMessage implements TextMessage, PublishListener {
  constructor(readonly publisher: EventPublisher, readonly event: OutgoingEvent, readonly listener: PublishListener) {}

  get payload(): string {
    return this.event.json;
  }

  headers(): HeaderBlock {
    const { event } = this, id = encodeAttribute(event.id), shared = sharedWith(event);
    return addAttributes(new HeaderBlock().add("Nats-Msg-Id", joinId(shared.source, id)), event, id, shared.headers);
  }

  stored(result: PublishResult): void {
    const { listener } = this;
    if (!result.duplicate) return listener.stored(result);
    this.publisher.refuseReusedId(this.event, result).then(
      () => listener.stored(result),
      (error) => listener.failed(error),
    );
  }

  failed(error: unknown): void {
    this.listener.failed(error);
  }
}

/** Returns the headers of an event, without `Nats-Msg-Id`, by which JetStream drops a duplicate. */
export function attributeHeaders(event: OutgoingEvent): HeaderBlock {
  return addAttributes(new HeaderBlock(), event, encodeAttribute(event.id), sharedWith(event).headers);
}

function addAttributes(block: HeaderBlock, event: OutgoingEvent, id: string, shared: HeaderBlock): HeaderBlock {
  block.add("ce-specversion", "1.0").add("ce-id", id).addAll(shared);
  if (event.hops !== undefined) block.add(HOPS, String(event.hops));
  for (const name in event.extensions) block.add(`ce-${name}`, encodeAttribute(event.extensions[name]));
  for (const name in event.trace) block.add(name, event.trace[name]);
  return block;
}

/**
 * Returns the id by which JetStream drops a duplicate. It contains the source, since two sources may choose the same
 * id. Encoded attributes contain no space, so a space separates the two.
 */
export function messageId({ source, id }: Pick<OutgoingEvent, "source" | "id">): string {
  return joinId(encodeAttribute(source), encodeAttribute(id));
}

/** Joins an encoded source and an encoded id. Hot path: the source is encoded once for many events. */
function joinId(source: string, id: string): string {
  return `${source} ${id}`;
}

/** Returns whether two texts are the same JSON. The order of members does not count. */
function isSameJson(stored: string, sent: string): boolean {
  if (stored === sent) return true;
  try {
    return isDeepStrictEqual(JSON.parse(stored), JSON.parse(sent));
  } catch {
    return false; // another publisher stored it
  }
}

let last = {
  type: "",
  source: "",
  time: "",
  version: undefined as number | undefined,
  shared: { source: "", headers: new HeaderBlock() },
};

/**
 * Returns the headers that an event shares with the last one. Hot path: events of one millisecond mostly differ in
 * their id alone.
 */
function sharedWith(event: OutgoingEvent): typeof last.shared {
  const { type, source, time, extensions } = event;
  // A publisher may name another schema that its data adheres to.
  const version = extensions?.dataschema === undefined ? event.version : undefined;
  const isSame = type === last.type && source === last.source && time === last.time && version === last.version;
  if (isSame) return last.shared;
  const encoded = encodeAttribute(source);
  const headers = new HeaderBlock()
    .add("ce-type", type)
    .add("ce-source", encoded)
    .add("ce-time", time)
    .add("content-type", "application/json");
  if (version !== undefined) headers.add("ce-dataschema", dataSchemaOf(type, version));
  last = { type, source, time, version, shared: { source: encoded, headers } };
  return last.shared;
}
