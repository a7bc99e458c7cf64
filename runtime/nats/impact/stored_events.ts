import { type JetStreamManager, RetentionPolicy, type StoredMsg, type StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import { storedDelivery } from "../consume/parse_delivery.ts";
import { isChunk } from "../dead_letters/chunks.ts";
import { readDeadLetter } from "../dead_letters/read.ts";
import { readStored } from "../inspect/read_stored.ts";
import { isPosition } from "../publish/stored_position.ts";
import { readHistory } from "../replay/history.ts";
import { findStream } from "../topology/find.ts";

type Reader = { readonly nc: NatsConnection; readonly jsm: JetStreamManager; readonly names: Namespace };

/** A stored event as a function would receive it, and the message that holds it. */
export interface StoredEvent {
  readonly delivery: Delivery;
  readonly stream: string;
  readonly sequence: number;
  /** Reason of a dead letter. */
  readonly reason?: string;
}

/**
 * Reads the events of some types that a stream has stored since a time, oldest first. Later ones are not read. A stream
 * that does not exist has none.
 *
 * @param stream Name of the stream in NATS.
 */
export async function* eventsOf(
  { nc, jsm, names }: Reader,
  stream: string,
  types: readonly string[],
  sinceMs: number,
): AsyncIterable<StoredEvent> {
  const info = await findStream(jsm, stream);
  if (!info) return;
  if (info.config.retention === RetentionPolicy.Workqueue) {
    return yield* queuedEvents({ jsm, names }, info, types, sinceMs);
  }
  const filters = types.map((type) => names.subject(type)), until = info.state.last_seq;
  for await (const delivery of readHistory(nc, jsm, { stream, filters, from: { timeMs: sinceMs }, until }, names)) {
    yield { delivery, stream, sequence: delivery.sequence };
  }
}

/** Reads a work queue of another owner, which refuses a second consumer. @throws {Error} without direct reads */
async function* queuedEvents(
  { jsm, names }: Pick<Reader, "jsm" | "names">,
  { config: { name: stream, allow_direct } }: StreamInfo,
  types: readonly string[],
  sinceMs: number,
): AsyncIterable<StoredEvent> {
  if (!allow_direct) throw new Error(`the events of ${stream} cannot be read: it is a work queue without allow_direct`);
  for (const type of types) {
    for await (const message of readStored(jsm, stream, names.subject(type))) {
      const delivery = storedDelivery(stream, message, undefined, names);
      if (delivery.storedAtMs >= sinceMs) yield { delivery, stream, sequence: message.seq };
    }
  }
}

/** Reads the events that wait in RETRIES, as the originals that they become again. */
export async function* retriedEvents({ jsm, names }: Reader): AsyncIterable<StoredEvent> {
  const { stream, subjects } = names.retries;
  if (!await findStream(jsm, stream)) return;
  for await (const message of readStored(jsm, stream, subjects[0])) {
    if (isPosition(message.subject, names)) continue;
    const target = message.header.get("Nats-Schedule-Target") || message.subject;
    yield { delivery: storedDelivery(stream, message, target, names), stream, sequence: message.seq };
  }
}

/** Reads the dead letters, as the events that a redrive makes of them. */
export async function* deadEvents({ jsm, names }: Reader): AsyncIterable<StoredEvent> {
  const { stream, subjects } = names.deadLetters;
  if (!await findStream(jsm, stream)) return;
  for await (const message of readStored(jsm, stream, subjects[0])) {
    const subject = names.typeOf(message.subject);
    if (isChunk(subject)) continue;
    const { header, seq } = message, type = header.get("weir-subject") || subject.split(".").slice(2).join(".");
    const delivery = { ...storedDelivery(stream, message, undefined, names), subject: type };
    const whole = await withPayload({ jsm, names }, message, delivery);
    yield { delivery: whole, stream, sequence: seq, reason: header.get("weir-reason") };
  }
}

/** Adds the payload and the headers of a large event, which are stored apart. */
async function withPayload(
  { jsm, names }: Pick<Reader, "jsm" | "names">,
  { header, seq }: StoredMsg,
  delivery: Delivery,
): Promise<Delivery> {
  if (!header.get("weir-payload") && !header.get("weir-headers")) return delivery;
  const stored = await readDeadLetter(jsm, seq, names);
  return stored ? { ...delivery, payload: stored.content.payload, headers: stored.allHeaders } : delivery;
}
