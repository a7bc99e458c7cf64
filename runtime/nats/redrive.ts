import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { DeadLetter, Redriven } from "../nouns/dead_letter.ts";
import { DEAD_LETTERS } from "./dead_letters.ts";
import { readStoredDeadLetter } from "./dead_letter_list.ts";
import { type Store, StoreError } from "./jetstream_store.ts";
import { fittingSubject, ownHeaders, RETRIES } from "./retry_lane.ts";

/** How often a dead letter may be sent back before somebody has to insist. */
export const MAX_REDRIVES = 3;

/** JetStream's answer when the subject has a message already. */
const SUBJECT_TAKEN = "(10071)";

/**
 * Sends a dead letter back to the function that failed, and to no other of the event's subscribers, with all its
 * attempts before it. It is stored in the retry lane first and removed from the dead letters after.
 *
 * It may be interrupted anywhere and run again: the lane holds one message a dead letter, since its subject names it
 * and refuses a second; and the function's runtime removes the dead letter before it settles that message.
 *
 * @throws {StoreError} when it is not known to be stored; the dead letter is then still there.
 */
export async function redrive(
  jsm: JetStreamManager,
  store: Store,
  sequence: number,
  force = false,
): Promise<Redriven> {
  const letter = await readStoredDeadLetter(jsm, sequence);
  if (!letter) return "missing";
  const payload = letter.headers["weir-payload"] ? await originalPayload(jsm, letter) : letter.payload;
  if (letter.redrives >= MAX_REDRIVES && !force) return "held-back";
  const hdrs = ownHeaders(letter.allHeaders);
  hdrs.set("Nats-Msg-Id", `redrive:${sequence}:${letter.time}`);
  hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
  hdrs.set("weir-function", letter.function);
  hdrs.set("weir-stream", letter.stream);
  hdrs.set("weir-sequence", String(letter.streamSequence));
  hdrs.set("weir-time", new Date().toISOString()); // a person asked for it now: its age begins anew
  const emittedSince = letter.allHeaders.get("weir-emitted-since");
  if (emittedSince) hdrs.set("weir-emitted-since", emittedSince);
  hdrs.set("weir-redrives", String(letter.redrives + 1));
  hdrs.set("weir-dead-letter", String(sequence));
  if (fittingSubject(letter.type) !== letter.type) hdrs.set("weir-subject", letter.type);
  const subject = `${RETRIES.redriven}.${letter.function}.${sequence}.${fittingSubject(letter.type)}`;
  try {
    await store.store(subject, payload, hdrs);
  } catch (error) {
    if (!(error instanceof StoreError && error.message.includes(SUBJECT_TAKEN))) throw error;
  }
  await discard(jsm, DEAD_LETTERS.stream, sequence);
  return "redriven";
}

/** What removes one message of a stream. */
export interface Remover {
  readonly streams: Pick<JetStreamManager["streams"], "deleteMessage">;
}

/** Removes a message for good; false when there was none. */
export async function discard(jsm: Remover, stream: string, sequence: number): Promise<boolean> {
  try {
    return await jsm.streams.deleteMessage(stream, sequence, false);
  } catch (error) {
    if (error instanceof JetStreamApiError && /not found|no message|EOF/i.test(error.message)) return false;
    throw error;
  }
}

/** The payload of a dead letter that was too large to have it with it. @throws {Error} when the original is gone. */
async function originalPayload(jsm: JetStreamManager, { stream, streamSequence }: DeadLetter): Promise<Uint8Array> {
  const original = await jsm.streams.getMessage(stream, { seq: streamSequence });
  if (original) return original.data;
  throw new Error(
    `the payload was too large for the dead letter, and its original in ${stream} at ${streamSequence} is gone`,
  );
}
