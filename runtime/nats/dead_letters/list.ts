import type { JetStreamManager } from "@nats-io/jetstream";
import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { DeadLetter, DeadLetterContent, DeadLetterFilter } from "../../core/dead_letter.ts";
import type { MessageHeaders } from "../../core/delivery.ts";
import { allChunks, chunksIn, isChunk, readChunks } from "./chunks.ts";
import { DEAD_LETTERS } from "./dead_letters.ts";
import { HeaderList } from "../../core/headers.ts";
import { entriesOf } from "../client/message_headers.ts";
import { scanStream } from "../inspect/scan_stream.ts";

/** Lists dead letters without payloads, oldest first. Those stored after the call are not listed. */
export async function* listDeadLetters(
  nc: NatsConnection,
  jsm: JetStreamManager,
  filter: DeadLetterFilter = {},
): AsyncIterable<DeadLetter> {
  const { state: { last_seq: last } } = await jsm.streams.info(DEAD_LETTERS.stream);
  const subjectFilter = `${DEAD_LETTERS.prefix}.${filter.function ?? "*"}.${filter.type ?? ">"}`;
  const now = Date.now();
  let found = 0;
  for await (const { seq, subject, headers } of scanStream(nc, DEAD_LETTERS.stream, subjectFilter)) {
    if (seq > last) return;
    if (isChunk(subject)) continue;
    const letter = toDeadLetter(seq, subject, headers);
    if (!matches(letter, filter, now)) continue;
    yield letter;
    if (++found === filter.limit || seq === last) return;
  }
}

interface StoredDeadLetter extends DeadLetterContent {
  /** All headers, repeated names included, without `Nats-Msg-Id`: that is the id of the dead letter, not of its event. */
  readonly allHeaders: MessageHeaders;
  readonly chunks: readonly number[];
}

/** Returns a dead letter with its payload; undefined when there is none at the sequence. */
export async function readDeadLetter(jsm: JetStreamManager, sequence: number): Promise<DeadLetterContent | undefined> {
  const stored = await readStoredDeadLetter(jsm, sequence);
  if (!stored) return undefined;
  const { allHeaders: _all, chunks: _chunks, ...content } = stored;
  return content;
}

/** Returns a dead letter with what a redrive needs besides; undefined when there is none at the sequence. */
export async function readStoredDeadLetter(
  jsm: JetStreamManager,
  sequence: number,
): Promise<StoredDeadLetter | undefined> {
  const message = await jsm.streams.getMessage(DEAD_LETTERS.stream, { seq: sequence });
  if (!message || isChunk(message.subject)) return undefined;
  const { header } = message, letter = toDeadLetter(sequence, message.subject, header);
  const read = (chunks: number[]) => readChunks(jsm, DEAD_LETTERS.stream, chunks);
  const payload = chunksIn(header.get("weir-payload")), separate = chunksIn(header.get("weir-headers"));
  const entries = entriesOf(header);
  if (separate) entries.unshift(...JSON.parse(new TextDecoder().decode(await read(separate))));
  const headers = Object.fromEntries(entries.toReversed()); // the first of a repeated name
  // Written by a release without chunks: the payload is that of the original.
  const omitted = header.get("weir-payload").startsWith("omitted:");
  const original = omitted && await jsm.streams.getMessage(letter.stream, { seq: letter.streamSequence });
  return {
    ...letter,
    headers,
    payload: payload ? await read(payload) : original ? original.data : message.data,
    allHeaders: HeaderList.of(entries.filter(([name]) => name.toLowerCase() !== "nats-msg-id")),
    chunks: allChunks(header),
  };
}

function toDeadLetter(sequence: number, subject: string, headers: MsgHdrs | undefined): DeadLetter {
  const [, fn, ...type] = subject.split(".");
  const header = (name: string) => headers?.get(name) ?? "";
  const stream = header("weir-stream"), streamSequence = Number(header("weir-sequence"));
  return {
    sequence,
    function: header("weir-function") || fn,
    reason: header("weir-reason"),
    type: header("weir-subject") || type.join("."),
    id: header("ce-id") || header("weir-id") || `${stream}:${streamSequence}`,
    attempts: Number(header("weir-attempts")),
    error: header("weir-error"),
    stream,
    streamSequence,
    time: header("weir-time"),
    redrives: Number(header("weir-redrives")),
  };
}

function matches(letter: DeadLetter, filter: DeadLetterFilter, nowMs: number): boolean {
  const ageMs = nowMs - Date.parse(letter.time);
  return (filter.reason === undefined || letter.reason === filter.reason) &&
    (filter.olderThanMs === undefined || ageMs >= filter.olderThanMs) &&
    (filter.newerThanMs === undefined || ageMs <= filter.newerThanMs);
}
