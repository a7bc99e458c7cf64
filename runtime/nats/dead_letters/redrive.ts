import type { JetStreamManager } from "@nats-io/jetstream";
import type { Redriven } from "../../core/dead_letter.ts";
import { allChunks, isChunk } from "./chunks.ts";
import { DEAD_LETTERS } from "./dead_letters.ts";
import { readStoredDeadLetter } from "./list.ts";
import { unlessMissing } from "../topology/find.ts";
import { PublishError } from "../../engine/publisher.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { fittingSubject, ownHeaders, RETRIES, setAttemptTrace } from "../retry/retry_stream.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { removeMessage, type Remover } from "../client/remove_message.ts";

/** Maximum redrives of an event without `force`. By then another redrive is unlikely to help. */
const MAX_REDRIVES = 3;

/** Resolves to whether a function has a consumer on RETRIES. */
export type HasFunction = (name: string) => Promise<boolean>;

/** Looks each function up once. Without its consumer, a redriven event would never be delivered. */
export function functionLookup(jsm: JetStreamManager): HasFunction {
  const known = new Map<string, Promise<boolean>>();
  return (name) => {
    const found = known.get(name) ??
      unlessMissing(jsm.consumers.info(RETRIES.stream, name), JETSTREAM_CODES.consumerNotFound).then(Boolean);
    known.set(name, found);
    found.catch(() => known.delete(name));
    return found;
  };
}

/**
 * Sends a dead letter back to the function that failed, with a new set of attempts. No other subscriber of the event
 * receives it.
 *
 * Invariant: it is stored in RETRIES before it is deleted from DEAD_LETTERS. A redrive that was interrupted can run
 * again: its subject names the dead letter and takes one message only, and the runtime deletes the dead letter before
 * it settles that message.
 *
 * @param force Redrives also beyond the maximum number of redrives. Default: false.
 * @throws {PublishError} when it is not known to be stored; the dead letter then still exists.
 */
export async function redrive(
  jsm: JetStreamManager,
  publisher: MessagePublisher,
  sequence: number,
  force = false,
  hasFunction: HasFunction = functionLookup(jsm),
): Promise<Redriven> {
  const letter = await readStoredDeadLetter(jsm, sequence);
  if (!letter) return "missing";
  if (letter.redrives >= MAX_REDRIVES && !force) return "held-back";
  if (!await hasFunction(letter.function)) return "no-function";
  const hdrs = ownHeaders(letter.allHeaders);
  hdrs.set("Nats-Msg-Id", `redrive:${sequence}:${letter.time}`);
  hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
  hdrs.set("weir-function", letter.function);
  hdrs.set("weir-stream", letter.stream);
  hdrs.set("weir-sequence", String(letter.streamSequence));
  hdrs.set("weir-time", new Date().toISOString()); // the age for `maxAge` counts from the redrive
  for (const name of ["weir-emitted-since", "weir-id", "weir-origin"]) {
    const value = letter.allHeaders.get(name);
    if (value) hdrs.set(name, value);
  }
  setAttemptTrace(hdrs, letter.allHeaders.get("weir-attempt-trace"));
  hdrs.set("weir-redrives", String(letter.redrives + 1));
  hdrs.set("weir-dead-letter", String(sequence));
  if (fittingSubject(letter.type) !== letter.type) hdrs.set("weir-subject", letter.type);
  const subject = `${RETRIES.redriven}.${letter.function}.${sequence}.${fittingSubject(letter.type)}`;
  try {
    await publisher.publish(subject, letter.payload, hdrs);
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    if (error.code === "too-large") return "too-large";
    if (error.jetStreamCode !== JETSTREAM_CODES.streamWrongLastSequence) throw error;
  }
  await remove(jsm, sequence, letter.chunks);
  return "redriven";
}

/** Deletes a dead letter and its chunks. Resolves to false when there was none. */
export async function discard(jsm: Remover, sequence: number): Promise<boolean> {
  const letter = await jsm.streams.getMessage(DEAD_LETTERS.stream, { seq: sequence });
  if (!letter || isChunk(letter.subject)) return false;
  return await remove(jsm, sequence, allChunks(letter.header));
}

/** Deletes the dead letter before its chunks: an interruption leaves unused chunks, never a dead letter without them. */
async function remove(jsm: Remover, sequence: number, chunks: readonly number[]): Promise<boolean> {
  const removed = await removeMessage(jsm, DEAD_LETTERS.stream, sequence);
  for (const chunk of chunks) await removeMessage(jsm, DEAD_LETTERS.stream, chunk).catch(() => false);
  return removed;
}
