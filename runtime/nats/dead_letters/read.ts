import type { JetStreamManager } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { DeadLetter, DeadLetterContent } from "../../core/dead_letter.ts";
import type { MessageHeaders } from "../../core/delivery.ts";
import { allChunks, chunksIn, isChunk, readChunks } from "./chunks.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { HeaderList } from "../../core/headers.ts";
import { entriesOf } from "../client/message_headers.ts";
import { unhandledEvent } from "../retry/retry_headers.ts";

interface StoredDeadLetter {
  readonly content: DeadLetterContent;
  /**
   * All headers, including repeated names. `Nats-Msg-Id` is left out, since it is the id of the dead letter and not of
   * the event.
   */
  readonly allHeaders: MessageHeaders;
  readonly chunks: readonly number[];
}

/** Returns a dead letter, and what a redrive needs besides; undefined when there is none at the sequence. */
export async function readDeadLetter(
  jsm: JetStreamManager,
  sequence: number,
  names: Namespace = NO_NAMESPACE,
): Promise<StoredDeadLetter | undefined> {
  const { stream } = names.deadLetters;
  const message = await jsm.streams.getMessage(stream, { seq: sequence });
  if (!message) return undefined;
  const subject = names.typeOf(message.subject);
  if (isChunk(subject)) return undefined;
  const { header } = message, letter = toDeadLetter(sequence, subject, header, message.time);
  const read = (chunks: number[]) => readChunks(jsm, stream, chunks);
  const payload = chunksIn(header.get("weir-payload")), separate = chunksIn(header.get("weir-headers"));
  const entries = entriesOf(header);
  if (separate) entries.unshift(...JSON.parse(new TextDecoder().decode(await read(separate))));
  const headers = Object.fromEntries(entries.toReversed()); // the first of a repeated name
  // A release without chunks wrote this header if it left the payload out. The payload is then in the original message.
  const omitted = header.get("weir-payload").startsWith("omitted:");
  const original = omitted && await jsm.streams.getMessage(letter.stream, { seq: letter.streamSequence });
  return {
    content: { ...letter, headers, payload: payload ? await read(payload) : (original || message).data },
    allHeaders: new HeaderList(entries.filter(([name]) => name.toLowerCase() !== "nats-msg-id")),
    chunks: allChunks(header),
  };
}

/**
 * Reads a dead letter from its headers, for a list. The time is the server's, since clocks of hosts differ.
 *
 * @param subject Subject of the dead letter, without a namespace.
 */
export function toDeadLetter(
  sequence: number,
  subject: string,
  headers: MsgHdrs | undefined,
  storedAt: Date,
): DeadLetter {
  const [, fn, ...type] = subject.split(".");
  return {
    ...unhandledEvent(sequence, headers, { function: fn, type: type.join(".") }),
    time: headers?.get("weir-letter-time") || storedAt.toISOString(), // moved to the new name of its function
    redrives: Number(headers?.get("weir-redrives") ?? 0),
  };
}
