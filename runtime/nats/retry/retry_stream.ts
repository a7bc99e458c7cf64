import { createHash } from "node:crypto";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { PublishResult } from "../../engine/publisher.ts";
import type { Progress } from "../../engine/settler.ts";
import type { Delivery, MessageHeaders } from "../../core/delivery.ts";
import type { Outcome } from "../../core/outcome.ts";
import { HeaderList } from "../../core/headers.ts";
import { parseTraceparent } from "../../core/traceparent.ts";
import { headerText } from "../client/header_text.ts";
import type { Store } from "../publish/jetstream_publisher.ts";

/**
 * The stream of events on their way back to one function: parked until a time, or due at once. Each function has a
 * consumer of its own on it, so what comes back here reaches that function and none of the event's other subscribers.
 */
export const RETRIES = {
  stream: "RETRIES",
  subjects: ["retries.>"],
  parked: "retries.parked",
  due: "retries.due",
  redriven: "retries.redriven",
} as const;

/** A wait this long is spent outside the consumer: there it would hold a place that a healthy event needs. */
export const DELAY_OUTSIDE_FROM_MS = 5_000;

/** Sends events back to the function that could not handle them yet. */
export class RetryStream {
  constructor(readonly jetstream: Store) {}

  /**
   * Stores an event that comes back at a time: JetStream's own schedule, so that it survives restarts of everything.
   *
   * @throws {StoreError} when it is not known to be stored.
   */
  park(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome & { kind: "retry" },
    atMs: number,
    progress: Progress,
  ): Promise<PublishResult> {
    const hdrs = retryHeaders(functionName, delivery, progress);
    hdrs.set("weir-reason", outcome.reason);
    if (outcome.error) hdrs.set("weir-error", headerText(`${outcome.error.name}: ${outcome.error.message}`));
    // The count tells a message's rounds apart.
    hdrs.set("Nats-Msg-Id", `${functionName}:${delivery.messageKey}:${delivery.deliveryCount}`);
    hdrs.set("Nats-Schedule", `@at ${new Date(atMs).toISOString()}`);
    hdrs.set("Nats-Schedule-Target", `${RETRIES.due}.${functionName}.${fittingSubject(delivery.subject)}`);
    return this.jetstream.store(retrySubject(functionName, delivery), delivery.payload, hdrs);
  }

  /**
   * Stores an event that its consumer will not deliver again.
   *
   * @throws {StoreError} when it is not known to be stored.
   */
  bringBack(functionName: string, delivery: Delivery, progress: Progress): Promise<PublishResult> {
    const hdrs = retryHeaders(functionName, delivery, progress);
    hdrs.set("Nats-Msg-Id", `returned:${functionName}:${delivery.messageKey}`);
    const subject = `${RETRIES.due}.${functionName}.${fittingSubject(delivery.subject)}`;
    return this.jetstream.store(subject, delivery.payload, hdrs);
  }
}

/** The place is one message's own, so no schedule replaces another's. */
export function retrySubject(functionName: string, { messageKey }: Delivery): string {
  return `${RETRIES.parked}.${functionName}.${messageKey.replaceAll(".", "-")}`;
}

/** What goes back with an event, so that it is the same event when it comes, and its attempts are counted on. */
export function retryHeaders(functionName: string, delivery: Delivery, progress: Progress): MsgHdrs {
  const hdrs = ownHeaders(delivery.headers);
  hdrs.set("weir-function", functionName);
  hdrs.set("weir-stream", delivery.stream);
  hdrs.set("weir-sequence", String(delivery.sequence));
  hdrs.set("weir-time", new Date(delivery.storedAtMs).toISOString());
  hdrs.set("weir-attempts", String(progress.attempts));
  hdrs.set("weir-free-retries", String(progress.excusedDeliveries));
  setEmittedSince(hdrs, progress.emittedSinceMs);
  setAttemptTrace(hdrs, progress.attemptTrace ?? delivery.history.attemptTrace);
  if (delivery.history.redrives > 0) hdrs.set("weir-redrives", String(delivery.history.redrives));
  if (fittingSubject(delivery.subject) !== delivery.subject) hdrs.set("weir-subject", delivery.subject);
  return hdrs;
}

/** Says since when what the event emits may be stored already. */
export function setEmittedSince(hdrs: MsgHdrs, sinceMs: number | undefined): void {
  if (sinceMs !== undefined) hdrs.set("weir-emitted-since", new Date(sinceMs).toISOString());
}

/** Says which attempt came before: the next one links to its span. The event's own `traceparent` stays its parent. */
export function setAttemptTrace(hdrs: MsgHdrs, traceparent: string | undefined): void {
  if (parseTraceparent(traceparent)) hdrs.set("weir-attempt-trace", traceparent!);
}

/** The longest subject that fits the server's line of 4,096 bytes beside what we put before it. */
const LONGEST_SUBJECT = 1_024;

/** A subject short enough to be carried behind a prefix of ours; one that is cut goes whole in a header. */
export function fittingSubject(subject: string): string {
  if (subject.length <= LONGEST_SUBJECT) return subject;
  const sum = createHash("sha256").update(subject).digest("hex").slice(0, 16);
  return `${subject.slice(0, LONGEST_SUBJECT - 17).replace(/\.+$/, "")}-${sum}`;
}

/** The headers that are the event's own. `Nats-*` are orders to the server, and held for one storing of it only. */
export function ownHeaders(from: MessageHeaders): MsgHdrs {
  const hdrs = headers();
  // The id of an event that is no CloudEvent is carried on under a name of ours: the server has its own use for that.
  const id = from.get("nats-msg-id");
  if (id !== undefined && from.get("ce-id") === undefined) hdrs.set("weir-id", headerText(id));
  for (const [name, value] of from.entries()) {
    // A name or value that no client may write came from one that checks nothing: it cannot be passed on.
    if (/^[!-9;-~]+$/.test(name) && !/[\r\n]/.test(value) && !/^(nats|weir)-/i.test(name)) hdrs.append(name, value);
  }
  return hdrs;
}

/** A delivery of the lane, as the delivery it was at first: same stream, sequence, subject and age. */
export function readRetryHeaders(delivery: Delivery): Delivery {
  const number = (name: string) => Number(delivery.headers.get(name) ?? 0);
  const deadLetter = number("weir-dead-letter") || undefined;
  return {
    ...delivery,
    messageKey: delivery.messageKey,
    headers: firstHeaders(delivery.headers),
    stream: delivery.headers.get("weir-stream") ?? delivery.stream,
    sequence: number("weir-sequence"),
    subject: delivery.headers.get("weir-subject") ??
      delivery.subject.split(".").slice(deadLetter === undefined ? 3 : 4).join("."),
    storedAtMs: Date.parse(delivery.headers.get("weir-time") ?? "") || delivery.storedAtMs,
    history: {
      attempts: number("weir-attempts"),
      excusedDeliveries: number("weir-free-retries"),
      redrives: number("weir-redrives"),
      emittedSinceMs: Date.parse(delivery.headers.get("weir-emitted-since") ?? "") || undefined,
      attemptTrace: delivery.headers.get("weir-attempt-trace"),
    },
    deadLetter,
  };
}

/** The headers as they were at first: the id that the server knows this copy by is not the event's. */
function firstHeaders(headers: MessageHeaders): MessageHeaders {
  const first = new HeaderList();
  for (const [name, value] of headers.entries()) {
    const lower = name.toLowerCase();
    if (lower !== "nats-msg-id") first.add(lower === "weir-id" ? "nats-msg-id" : name, value);
  }
  return first;
}
