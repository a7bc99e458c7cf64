import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { decodeAttribute } from "../../core/cloudevent.ts";
import { RawHeaders } from "../client/message_headers.ts";
import { subjectOn } from "../client/subject_prefixes.ts";
import { readDeadLetter } from "../dead_letters/read.ts";
import { scanStream } from "./scan_stream.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** A message as its stream stores it. */
export interface StoredEvent {
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly time: string;
  /** Headers, with the value that counts for a repeated name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

type Position = { readonly seq: number } | { readonly last_by_subj: string };

interface MessageResponse {
  readonly message?: { subject: string; seq: number; time: string; hdrs?: string; data?: string };
  readonly error?: { code: number; err_code: number; description: string };
}

/**
 * Returns one message of a stream; undefined when it does not exist. The request bypasses the client, whose header
 * parser throws on some headers that NATS carries.
 *
 * @throws {Error} when the stream does not exist, or JetStream does not respond.
 */
export async function readStoredEvent(
  nc: NatsConnection,
  stream: string,
  position: Position,
): Promise<StoredEvent | undefined> {
  const { message, error } =
    (await nc.request(subjectOn(nc, `$JS.API.STREAM.MSG.GET.${stream}`), JSON.stringify(position)))
      .json<MessageResponse>();
  if (error?.err_code === JETSTREAM_CODES.noMessageFound) return undefined;
  if (error || !message) throw new Error(`stream ${stream}: ${error?.description ?? "no message in the answer"}`);
  const headers = new TextDecoder().decode(Uint8Array.fromBase64(message.hdrs ?? ""));
  return {
    subject: message.subject,
    stream,
    sequence: message.seq,
    time: message.time,
    headers: headerRecord(new RawHeaders(headers).entries()),
    payload: Uint8Array.fromBase64(message.data ?? ""),
  };
}

/** Returns the last message that matches the filter and has the event id; undefined when there is none. */
export async function findStoredEvent(
  nc: NatsConnection,
  stream: string,
  filter: string,
  id: string,
): Promise<StoredEvent | undefined> {
  const [, named, sequence] = /^([^:]+):(\d+)$/.exec(id) ?? [];
  if (named === stream) {
    const plain = await readStoredEvent(nc, stream, { seq: Number(sequence) });
    if (plain) return plain;
  }
  let found: number | undefined;
  for await (const message of scanStream(nc, stream, filter)) {
    try {
      const { headers } = message;
      if (decodeAttribute(headers?.get("ce-id") ?? "") === id || headers?.get("Nats-Msg-Id") === id) {
        found = message.seq;
      }
    } catch {
      // The client cannot parse its headers. The event can still be read by its sequence.
    }
  }
  return found === undefined ? undefined : await readStoredEvent(nc, stream, { seq: found });
}

/** Returns the event of a dead letter, with its original payload, headers and position; undefined if it is missing. */
export async function readDeadEvent(
  nc: NatsConnection,
  jsm: JetStreamManager,
  sequence: number,
  names: Namespace = NO_NAMESPACE,
): Promise<StoredEvent | undefined> {
  const letter = await readDeadLetter(jsm, sequence, names);
  if (!letter) return undefined;
  const { type: subject, stream, streamSequence, payload } = letter.content;
  const own = [...letter.allHeaders.entries()].flatMap(([name, value]) => {
    // `Nats-Msg-Id` is the id of the dead letter. The event's own was stored as `weir-id`.
    if (name.toLowerCase() === "weir-id") return [["Nats-Msg-Id", value] as const];
    return /^weir-/i.test(name) ? [] : [[name, value] as const];
  });
  const original = await readStoredEvent(nc, stream, { seq: streamSequence }).catch(() => undefined);
  const time = original && names.typeOf(original.subject, stream) === subject ? original.time : letter.content.time;
  return { subject, stream, sequence: streamSequence, time, headers: headerRecord(own), payload };
}

/** Returns the streams that store a subject or pattern. Internal streams of Weir and NATS are left out. */
export async function streamsStoring(
  jsm: JetStreamManager,
  subject: string,
  { deadLetters, retries }: Namespace = NO_NAMESPACE,
): Promise<string[]> {
  const found = await Array.fromAsync(jsm.streams.names(subject));
  return found.filter((name) => name !== deadLetters.stream && name !== retries.stream && !/^(KV|OBJ)_/.test(name));
}

/** Returns the subjects of a stream's messages. Empty if JetStream refuses to list them, as for very many. */
export async function subjectsIn(jsm: JetStreamManager, stream: string): Promise<string[]> {
  try {
    const { state } = await jsm.streams.info(stream, { subjects_filter: ">" });
    return Object.keys(state.subjects ?? {});
  } catch (error) {
    if (error instanceof JetStreamApiError) return [];
    throw error;
  }
}

/** Returns headers as events are decoded: the last value of a repeated `ce-` attribute, the first of any other name. */
function headerRecord(entries: Iterable<readonly [name: string, value: string]>): Record<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of entries) if (!headers.has(name) || /^ce-/i.test(name)) headers.set(name, value);
  return Object.fromEntries(headers);
}
