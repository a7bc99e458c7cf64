import type { JetStreamManager, MsgRequest, StoredMsg } from "@nats-io/jetstream";
import type { Delivery } from "../../core/delivery.ts";
import type { DelayedRetry, DelayedRetryFilter } from "../../core/delayed_retry.ts";
import { DEAD_LETTERS, type DeadLetters } from "../dead_letters/dead_letters.ts";
import { storedDelivery } from "../consume/delivery.ts";
import { PublishError } from "../publish/publish_error.ts";
import { removeMessage } from "../dead_letters/redrive.ts";
import { RETRIES } from "./retry_stream.ts";

/**
 * Lists parked events, in the order they were parked. One by one, some thousands a second: a work queue takes no second
 * consumer to read it with.
 */
export async function* listDelayedRetries(
  jsm: JetStreamManager,
  filter: DelayedRetryFilter = {},
): AsyncIterable<DelayedRetry> {
  let found = 0;
  const next_by_subj = `${RETRIES.parked}.${filter.function ?? "*"}.*`;
  for (let seq = 1;;) {
    const message = await jsm.direct.getMessage(RETRIES.stream, { seq, next_by_subj });
    if (!message) return;
    seq = message.seq + 1;
    const event = toParked(message);
    if (filter.type !== undefined && event.type !== filter.type) continue;
    yield event;
    if (++found === filter.limit) return;
  }
}

/**
 * Ends the wait of a parked event for good: it goes to the dead letters, from where it can be redriven or discarded.
 *
 * @returns false when there is none at that sequence: it has come due, or was cancelled before
 * @throws {PublishError} when the dead letter is not known to be stored; the event then stays parked.
 */
export async function cancelDelayedRetry(
  jsm: JetStreamManager,
  deadLetters: DeadLetters,
  sequence: number,
): Promise<boolean> {
  const message = await jsm.streams.getMessage(RETRIES.stream, { seq: sequence });
  if (!message?.subject.startsWith(`${RETRIES.parked}.`)) return false;
  const { function: functionName, error } = toParked(message);
  const why = `its parked retry was cancelled; it was parked for: ${error}`;
  return await bury(jsm, deadLetters, functionName, message, why);
}

/**
 * Makes dead letters of what has come due for a function, or was redriven to it, and waits on its consumer: for one
 * that is gone for good. In a work queue it would stay for ever, where nobody looks.
 *
 * @returns how many those were
 * @throws {PublishError} as {@linkcode cancelDelayedRetry} does.
 */
export async function deadLetterDue(
  jsm: JetStreamManager,
  deadLetters: DeadLetters,
  functionName: string,
): Promise<number> {
  let buried = 0;
  for (const lane of [RETRIES.due, RETRIES.redriven]) {
    for (let seq = 1;;) {
      const which = { seq, next_by_subj: `${lane}.${functionName}.>` } as MsgRequest; // the client's type lacks it
      const message = await jsm.streams.getMessage(RETRIES.stream, which);
      if (!message) break;
      seq = message.seq + 1;
      const error = message.header.get("weir-error"), why = "it had come back to a function that was removed";
      if (await bury(jsm, deadLetters, functionName, message, error ? `${why}; it was parked for: ${error}` : why)) {
        buried++;
      }
    }
  }
  return buried;
}

/** @returns false when it was gone before: it is the function's again, and no dead letter */
async function bury(
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
  // An id of its own: if it is taken back, the event's own dead letter must not be taken for a repeat of it.
  const id = `cancelled:${sequence}:${message.timestamp}`, delivery = toDelivery(message);
  const stored = await deadLetters.store(functionName, delivery, outcome, undefined, true, id).catch((error) => {
    if (!(error instanceof PublishError && error.code === "too-large")) throw error;
    return deadLetters.store(functionName, delivery, outcome, undefined, false, id);
  });
  if (await removeMessage(jsm, RETRIES.stream, sequence)) return true;
  await removeMessage(jsm, DEAD_LETTERS.stream, stored.sequence); // it came due meanwhile: it is the function's again
  return false;
}

function toParked({ seq: sequence, subject, header: headers }: StoredMsg): DelayedRetry {
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

/** A parked message as the delivery that it would come back as. */
function toDelivery(message: StoredMsg): Delivery {
  const subject = message.header.get("Nats-Schedule-Target") || message.subject;
  return storedDelivery(RETRIES.stream, message, subject);
}
