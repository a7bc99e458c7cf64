import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Progress, PublishResult } from "../../engine/ports.ts";
import type { Delivery } from "../../core/delivery.ts";
import type { DeadLetterOutcome } from "../../core/outcome.ts";
import { storeChunks } from "./chunks.ts";
import { headerText } from "../client/header_writer.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { entriesOf } from "../client/message_headers.ts";
import type { DuplicateFinder } from "../publish/late_dedup.ts";
import { fittingSubject, ownHeaders, setAttemptTrace, setEmittedSince } from "../retry/retry_stream.ts";

/** The stream of dead letters and what it stores. */
export const DEAD_LETTERS = { stream: "DEAD_LETTERS", prefix: "dead_letters", subjects: ["dead_letters.>"] } as const;

/** Of the 64 kB that JetStream takes, what is left for the event's own headers beside ours. */
const MOST_HEADERS = 56_000;
const UTF8 = new TextEncoder();

/** Stores what no function could handle, with its payload and headers as they came, and why. */
export class DeadLetters {
  constructor(readonly publisher: MessagePublisher, readonly duplicates: DuplicateFinder) {}

  /**
   * @param whole false for one that is too large to be one message: what does not fit goes before it in parts. Where
   *   the original is would not do, since to end it removes it from a stream that is a work queue.
   * @param id what it is stored once by
   * @throws {PublishError} when the dead letter is not known to be stored.
   */
  async store(
    functionName: string,
    delivery: Delivery,
    outcome: DeadLetterOutcome,
    progress?: Progress,
    whole = true,
    id = deadLetterId(functionName, delivery),
  ): Promise<PublishResult> {
    const subject = `${DEAD_LETTERS.prefix}.${functionName}.${fittingSubject(delivery.subject)}`;
    const own = ownHeaders(delivery.headers);
    const make = (hdrs: MsgHdrs) => deadLetterHeaders(hdrs, functionName, delivery, outcome, progress, id);
    const known = progress?.ending &&
      await this.duplicates.find(subject, id, delivery.storedAtMs);
    if (known) return known;
    if (whole) return await this.publisher.publish(subject, delivery.payload, make(own));
    const inParts = async (name: string, bytes: Uint8Array) => {
      const { publisher } = this, { prefix } = DEAD_LETTERS;
      return `parts ${(await storeChunks(publisher, prefix, functionName, delivery, name, bytes)).join(" ")}`;
    };
    const ownBytes = UTF8.encode(JSON.stringify(entriesOf(own))), apart = ownBytes.length > MOST_HEADERS;
    const hdrs = make(apart ? headers() : own);
    if (delivery.payload.length > 0) hdrs.set("weir-payload", await inParts("payload", delivery.payload));
    if (apart) hdrs.set("weir-headers", await inParts("headers", ownBytes));
    return await this.publisher.publish(subject, new Uint8Array(), hdrs);
  }
}

/**
 * Stored again after a lost answer, or when an original came back though its delayed retry was stored, it is the same dead
 * letter: the first place and time name it, and come with a copy. In the stream's next life, or redriven, it is another.
 */
function deadLetterId(functionName: string, { stream, sequence, storedAtMs, history }: Delivery): string {
  return `${functionName}:${stream}.${sequence}.${storedAtMs}.${history.redrives}`;
}

function deadLetterHeaders(
  hdrs: MsgHdrs,
  functionName: string,
  delivery: Delivery,
  outcome: DeadLetterOutcome,
  progress: Progress | undefined,
  id: string,
): MsgHdrs {
  hdrs.set("Nats-Msg-Id", id);
  hdrs.set("weir-function", functionName);
  hdrs.set("weir-reason", outcome.reason);
  hdrs.set("weir-attempts", String(outcome.attempts));
  hdrs.set("weir-error", headerText(`${outcome.error.name}: ${outcome.error.message}`));
  hdrs.set("weir-stream", delivery.stream);
  hdrs.set("weir-sequence", String(delivery.sequence));
  hdrs.set("weir-time", new Date().toISOString());
  if (fittingSubject(delivery.subject) !== delivery.subject) hdrs.set("weir-subject", delivery.subject);
  setEmittedSince(hdrs, progress?.emittedSinceMs);
  setAttemptTrace(hdrs, progress?.attemptTrace ?? delivery.history.attemptTrace);
  if (delivery.history.redrives > 0) hdrs.set("weir-redrives", String(delivery.history.redrives));
  return hdrs;
}
