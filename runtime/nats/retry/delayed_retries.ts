import type { JetStreamManager, MsgRequest, StoredMsg } from "@nats-io/jetstream";
import type { Delivery } from "../../core/delivery.ts";
import type { DelayedRetry, DelayedRetryFilter } from "../../core/delayed_retry.ts";
import { DEAD_LETTERS, type DeadLetters } from "../dead_letters/dead_letters.ts";
import { storedDelivery } from "../consume/parse_delivery.ts";
import { PublishError } from "../../engine/publisher.ts";
import { removeMessage } from "../dead_letters/redrive.ts";
import { delayedRetriesOf, isDelayedRetry, RETRIES } from "./retry_stream.ts";

/**
 * Lists delayed retries, in the order they were stored. They are read one by one, some thousands a second: a work queue
 * refuses a second consumer.
 */
export async function* listDelayedRetries(
  jsm: JetStreamManager,
  filter: DelayedRetryFilter = {},
): AsyncIterable<DelayedRetry> {
  let found = 0;
  const next_by_subj = delayedRetriesOf(filter.function ?? "*");
  for (let seq = 1;;) {
    const message = await jsm.direct.getMessage(RETRIES.stream, { seq, next_by_subj });
    if (!message) return;
    seq = message.seq + 1;
    if (!isDelayedRetry(message.subject)) continue;
    const retry = toDelayedRetry(message);
    if (filter.type !== undefined && retry.type !== filter.type) continue;
    yield retry;
    if (++found === filter.limit) return;
  }
}

/**
 * Makes a dead letter of a delayed retry. It can then be redriven or discarded.
 *
 * @returns false when there is none at that sequence: it has come due, or was cancelled before
 * @throws {PublishError} when the dead letter is not known to be stored; the retry then stays.
 */
export async function cancelDelayedRetry(
  jsm: JetStreamManager,
  deadLetters: DeadLetters,
  sequence: number,
): Promise<boolean> {
  const message = await jsm.streams.getMessage(RETRIES.stream, { seq: sequence });
  if (!message || !isDelayedRetry(message.subject)) return false;
  const { function: functionName, error } = toDelayedRetry(message);
  const why = `its delayed retry was cancelled; it was delayed for: ${error}`;
  return await deadLetter(jsm, deadLetters, functionName, message, why);
}

/**
 * Makes dead letters of the retries of a removed function that are due or redriven, and so wait on its consumer. In a
 * work queue they would stay for ever.
 *
 * @returns how many
 * @throws {PublishError} as {@linkcode cancelDelayedRetry} does.
 */
export async function deadLetterDue(
  jsm: JetStreamManager,
  deadLetters: DeadLetters,
  functionName: string,
): Promise<number> {
  let count = 0;
  for (const prefix of [RETRIES.due, RETRIES.redriven]) {
    for (let seq = 1;;) {
      const which = { seq, next_by_subj: `${prefix}.${functionName}.>` } as MsgRequest; // the client's type lacks it
      const message = await jsm.streams.getMessage(RETRIES.stream, which);
      if (!message) break;
      seq = message.seq + 1;
      const error = message.header.get("weir-error"), why = "it had come back to a function that was removed";
      const all = error ? `${why}; it was delayed for: ${error}` : why;
      if (await deadLetter(jsm, deadLetters, functionName, message, all)) count++;
    }
  }
  return count;
}

/** Returns false when the retry was delivered meanwhile: its function has it, and there is no dead letter. */
async function deadLetter(
  jsm: JetStreamManager,
  deadLetters: DeadLetters,
  functionName: string,
  message: StoredMsg,
  why: string,
): Promise<boolean> {
  const { seq: sequence } = message, attempts = Number(message.header.get("weir-attempts"));
  const outcome = {
    kind: "dead-letter",
    reason: "rejected",
    attempts,
    error: { name: "CancelledError", message: why },
  } as const;
  // An id of its own: the event may still get a dead letter of its own, which must not be taken for a duplicate.
  const id = `cancelled:${sequence}:${message.timestamp}`, delivery = toDelivery(message);
  const stored = await deadLetters.store(functionName, delivery, outcome, undefined, true, id).catch((error) => {
    if (!(error instanceof PublishError && error.code === "too-large")) throw error;
    return deadLetters.store(functionName, delivery, outcome, undefined, false, id);
  });
  if (await removeMessage(jsm, RETRIES.stream, sequence)) return true;
  await removeMessage(jsm, DEAD_LETTERS.stream, stored.sequence);
  return false;
}

function toDelayedRetry({ seq: sequence, subject, header: headers }: StoredMsg): DelayedRetry {
  const header = (name: string) => headers.get(name);
  const fn = header("weir-function"), stream = header("weir-stream"), streamSequence = Number(header("weir-sequence"));
  const due = `${RETRIES.due}.${fn}.`;
  return {
    sequence,
    function: fn || subject.split(".")[2],
    type: header("weir-subject") || header("Nats-Schedule-Target").slice(due.length),
    id: header("ce-id") || `${stream}:${streamSequence}`,
    due: header("Nats-Schedule").replace(/^@at /, ""),
    attempts: Number(header("weir-attempts")),
    reason: header("weir-reason"),
    error: header("weir-error"),
    stream,
    streamSequence,
  };
}

/** Returns a delayed retry as the delivery that it will come back as. */
function toDelivery(message: StoredMsg): Delivery {
  const subject = message.header.get("Nats-Schedule-Target") || message.subject;
  return storedDelivery(RETRIES.stream, message, subject);
}
