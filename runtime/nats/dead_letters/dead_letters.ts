import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { PublishError, type PublishResult } from "../../engine/publisher.ts";
import type { UsedUp } from "../../engine/settler.ts";
import type { Delivery } from "../../core/delivery.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { type DeadLetterOutcome, errorText } from "../../core/outcome.ts";
import { allChunks, isChunk, storeChunks } from "./chunks.ts";
import { headerText } from "../client/header_writer.ts";
import { removeMessage, type Remover } from "../client/remove_message.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { entriesOf } from "../client/message_headers.ts";
import type { DuplicateFinder } from "../publish/late_dedup.ts";
import { fittingSubject, ownHeaders, setOrigin } from "../retry/retry_headers.ts";

/** Maximum bytes of an event's own headers. JetStream's limit is 64 kB, and Weir's headers need the rest. */
const MAX_HEADER_BYTES = 56_000;
/** Header of a dead letter that has parked a key of its function, or is parked behind another: that key. */
export const ORDER_KEY = "weir-order-key";
const UTF8 = new TextEncoder();

/** Stores events that a function cannot handle, with their payload, headers and the reason. */
export class DeadLetters {
  /** @param now Milliseconds since 1970, for the header `weir-time`. Default: this host's clock. */
  constructor(
    readonly publisher: MessagePublisher,
    readonly duplicates: DuplicateFinder,
    readonly now: () => number = Date.now,
    readonly names: Namespace = NO_NAMESPACE,
  ) {}

  /**
   * Stores one dead letter. If payload and headers do not fit into one message, the payload and headers that are too
   * large become chunks. A reference to the original message would not do, since the `+TERM` ack deletes it from a work queue.
   *
   * @param id The message id for deduplication. Default: the id of the event's delivery.
   * @throws {PublishError} when the dead letter is not known to be stored.
   */
  async store(
    functionName: string,
    delivery: Delivery,
    outcome: DeadLetterOutcome,
    usedUp?: UsedUp,
    id = deadLetterId(functionName, delivery),
  ): Promise<PublishResult> {
    const subject = `${this.names.deadLetters.prefix}.${functionName}.${fittingSubject(delivery.subject)}`;
    const mayBeStored = usedUp?.wasDecided || usedUp?.mayHaveEnded;
    const known = mayBeStored && await this.duplicates.find(subject, id, delivery.storedAtMs);
    if (known) return known;
    const { publisher, names: { deadLetters: { prefix } } } = this, { payload } = delivery;
    const own = () => ownHeaders(delivery.headers);
    const make = (hdrs: MsgHdrs) => {
      hdrs.set("Nats-Msg-Id", id);
      setOrigin(hdrs, functionName, delivery, usedUp);
      hdrs.set("weir-reason", outcome.reason);
      hdrs.set("weir-attempts", String(outcome.attempts));
      hdrs.set("weir-error", headerText(errorText(outcome.error)));
      if (outcome.orderKey !== undefined) hdrs.set(ORDER_KEY, outcome.orderKey);
      hdrs.set("weir-time", new Date(this.now()).toISOString());
      return hdrs;
    };
    try {
      return await publisher.publish(subject, payload, make(own()));
    } catch (error) {
      if (!(error instanceof PublishError && error.code === "too-large")) throw error;
    }
    const inChunks = async (name: string, bytes: Uint8Array) =>
      `parts ${(await storeChunks(publisher, prefix, functionName, delivery, name, bytes)).join(" ")}`;
    const ownBytes = UTF8.encode(JSON.stringify(entriesOf(own()))), separate = ownBytes.length > MAX_HEADER_BYTES;
    const hdrs = make(separate ? headers() : own());
    if (payload.length > 0) hdrs.set("weir-payload", await inChunks("payload", payload));
    if (separate) hdrs.set("weir-headers", await inChunks("headers", ownBytes));
    return await publisher.publish(subject, new Uint8Array(), hdrs);
  }
}

/**
 * Returns the message id of a dead letter. The id is the same after a lost PubAck, and for an event and its delayed
 * retry. It differs after a redrive, and in a stream that was created again.
 */
function deadLetterId(functionName: string, { stream, sequence, storedAtMs, history }: Delivery): string {
  return `${functionName}:${stream}.${sequence}.${storedAtMs}.${history.redrives}`;
}

/** Deletes a dead letter and its chunks. Resolves to false when there was none. */
export async function discard(jsm: Remover, sequence: number, names: Namespace = NO_NAMESPACE): Promise<boolean> {
  const letter = await jsm.streams.getMessage(names.deadLetters.stream, { seq: sequence });
  if (!letter || isChunk(names.typeOf(letter.subject))) return false;
  return await removeDeadLetter(jsm, sequence, allChunks(letter.header), names);
}

/** Deletes a dead letter before its chunks: an interruption may leave unused chunks, but no incomplete dead letter. */
export async function removeDeadLetter(
  jsm: Remover,
  sequence: number,
  chunks: readonly number[],
  { deadLetters: { stream } }: Namespace,
): Promise<boolean> {
  const removed = await removeMessage(jsm, stream, sequence);
  for (const chunk of chunks) await removeMessage(jsm, stream, chunk).catch(() => false);
  return removed;
}
