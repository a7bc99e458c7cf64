import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { readStoredDeadLetter } from "../dead_letters/list.ts";
import { DEAD_LETTERS } from "../dead_letters/dead_letters.ts";
import { RawHeaders } from "../client/message_headers.ts";
import { RETRIES } from "../retry/retry_stream.ts";
import { scanStream } from "./scan_stream.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** A message as its stream has it. */
export interface StoredEvent {
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly time: string;
  /** Of a name that came twice the one that counts when it is read as an event. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

/** Which message of a stream is meant. */
type Which = { readonly seq: number } | { readonly last_by_subj: string };

/** How JetStream answers. */
interface Answer {
  readonly message?: { subject: string; seq: number; time: string; hdrs?: string; data?: string };
  readonly error?: { code: number; err_code: number; description: string };
}

/**
 * One message of a stream; undefined when it is not there. It is asked for without the client, whose reader of headers
 * throws on some that NATS carries.
 *
 * @throws {Error} when there is no such stream, or JetStream does not answer.
 */
export async function readStoredEvent(
  nc: NatsConnection,
  stream: string,
  which: Which,
): Promise<StoredEvent | undefined> {
  const { message, error } = (await nc.request(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify(which)))
    .json<Answer>();
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

/** The last message on a subject that has this id in its headers; undefined when there is none. */
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
  for await (const message of scanStream(nc, { stream, filter })) {
    try {
      const { headers } = message;
      if (headers?.get("ce-id") === id || headers?.get("Nats-Msg-Id") === id) found = message.seq;
    } catch {
      // one with headers that the client does not read: it can be had by its sequence
    }
  }
  return found === undefined ? undefined : await readStoredEvent(nc, stream, { seq: found });
}

/** The event that became a dead letter, as it was: its own payload and headers, and where it came from. */
export async function readDeadEvent(
  nc: NatsConnection,
  jsm: JetStreamManager,
  sequence: number,
): Promise<StoredEvent | undefined> {
  const letter = await readStoredDeadLetter(jsm, sequence);
  if (!letter) return undefined;
  const { type: subject, stream, streamSequence, payload } = letter;
  const own = [...letter.allHeaders.entries()].flatMap(([name, value]) => {
    // The server knows the dead letter by an id of its own; the event's was kept under another name.
    if (name.toLowerCase() === "weir-id") return [["Nats-Msg-Id", value] as const];
    return /^weir-/i.test(name) ? [] : [[name, value] as const];
  });
  const original = await readStoredEvent(nc, stream, { seq: streamSequence }).catch(() => undefined);
  const time = original?.subject === subject ? original.time : letter.time;
  return { subject, stream, sequence: streamSequence, time, headers: headerRecord(own), payload };
}

/** The streams that store a subject, or some that a pattern stands for; those that Weir or NATS keep for themselves left out. */
export async function streamsOf(jsm: JetStreamManager, subject: string): Promise<string[]> {
  const names = await Array.fromAsync(jsm.streams.names(subject));
  return names.filter((name) => name !== DEAD_LETTERS.stream && name !== RETRIES.stream && !/^(KV|OBJ)_/.test(name));
}

/** The subjects of which a stream has messages. */
export async function subjectsIn(jsm: JetStreamManager, stream: string): Promise<string[]> {
  try {
    const { state } = await jsm.streams.info(stream, { subjects_filter: ">" });
    return Object.keys(state.subjects ?? {});
  } catch (error) {
    if (error instanceof JetStreamApiError) return []; // too many of them, for one
    throw error;
  }
}

/** As events are read: of an attribute that is said twice the last counts, of any other header the first. */
function headerRecord(entries: Iterable<readonly [name: string, value: string]>): Record<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of entries) if (!headers.has(name) || /^ce-/i.test(name)) headers.set(name, value);
  return Object.fromEntries(headers);
}
