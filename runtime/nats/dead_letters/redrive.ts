import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { Redriven } from "../../core/dead_letter.ts";
import { allChunks, isChunk } from "./chunks.ts";
import { DEAD_LETTERS } from "./dead_letters.ts";
import { readStoredDeadLetter } from "./list.ts";
import { unlessMissing } from "../topology/config_diff.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { PublishError } from "../publish/publish_error.ts";
import { fittingSubject, ownHeaders, RETRIES, setAttemptTrace } from "../retry/retry_stream.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** How often a dead letter may be sent back before somebody has to insist. */
const MAX_REDRIVES = 3;

/** Says whether a function has a consumer for what comes back to it. */
export type HasFunction = (name: string) => Promise<boolean>;

/** Looks each function up once. Where a consumer is gone nobody would ever see what is put there for it. */
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
 * Sends a dead letter back to the function that failed, and to no other of the event's subscribers, with all its
 * attempts before it. It is stored in the retry stream first and removed from the dead letters after.
 *
 * It may be interrupted anywhere and run again: that stream holds one message a dead letter, since its subject names it
 * and refuses a second; and the function's runtime removes the dead letter before it settles that message.
 *
 * @throws {PublishError} when it is not known to be stored; the dead letter is then still there.
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
  hdrs.set("weir-time", new Date().toISOString()); // a person asked for it now: its age begins anew
  for (const name of ["weir-emitted-since", "weir-id"]) {
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
  await remove(jsm, sequence, letter.parts);
  return "redriven";
}

/** What removes the messages of a dead letter. */
export interface Remover {
  readonly streams: Pick<JetStreamManager["streams"], "getMessage" | "deleteMessage">;
}

/** Removes a dead letter for good, with its parts; false when there was none. */
export async function discard(jsm: Remover, sequence: number): Promise<boolean> {
  const letter = await jsm.streams.getMessage(DEAD_LETTERS.stream, { seq: sequence });
  if (!letter || isChunk(letter.subject)) return false;
  return await remove(jsm, sequence, allChunks(letter.header));
}

/** The dead letter goes first: interrupted, that leaves parts nobody asks for, and no dead letter without them. */
async function remove(jsm: Remover, sequence: number, parts: readonly number[]): Promise<boolean> {
  const removed = await removeMessage(jsm, DEAD_LETTERS.stream, sequence);
  for (const part of parts) await removeMessage(jsm, DEAD_LETTERS.stream, part).catch(() => false);
  return removed;
}

/** Removes one message of a stream. Returns false when there was none. */
export async function removeMessage(jsm: Remover, stream: string, sequence: number): Promise<boolean> {
  try {
    return await jsm.streams.deleteMessage(stream, sequence, false);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    const { code } = error;
    if (code === JETSTREAM_CODES.sequenceNotFound || code === JETSTREAM_CODES.streamNotFound) return false;
    // The server has one code for everything that a deletion can fail with, a missing message among it.
    if (code !== JETSTREAM_CODES.streamMsgDeleteFailed) throw error;
    if (await jsm.streams.getMessage(stream, { seq: sequence })) throw error;
    return false;
  }
}
