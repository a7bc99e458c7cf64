import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { UsedUp } from "../../engine/settler.ts";
import type { Delivery, DeliveryHistory, MessageHeaders } from "../../core/delivery.ts";
import type { UnhandledEvent } from "../../core/dead_letter.ts";
import { type ErrorDetail, errorText } from "../../core/outcome.ts";
import { decodeAttribute, HOPS } from "../../core/cloudevent.ts";
import { isOwnHeader } from "../../core/event_headers.ts";
import { sha256Hex } from "../../core/sha256.ts";
import { parseTraceparent } from "../../core/traceparent.ts";
import { headerText } from "../client/header_writer.ts";
import { appendHeader } from "../client/internals.ts";

/** Header of an event that a function has emitted with a delay, until it is published. */
export const DELAYED_EVENT = "weir-delayed-event";

/** Returns the headers of a retry: the event's own, its origin, and the attempts that it has used. */
export function retryHeaders(functionName: string, delivery: Delivery, usedUp: UsedUp): MsgHdrs {
  const hdrs = ownHeaders(delivery.headers);
  setOrigin(hdrs, functionName, delivery, usedUp);
  hdrs.set("weir-time", new Date(delivery.storedAtMs).toISOString());
  hdrs.set("weir-attempts", String(usedUp.attempts));
  hdrs.set("weir-free-retries", String(usedUp.excusedDeliveries));
  if (usedUp.otherReleaseDeliveries) hdrs.set("weir-other-release", String(usedUp.otherReleaseDeliveries));
  if (usedUp.lastError) hdrs.set("weir-last-error", headerText(errorText(usedUp.lastError)));
  if (usedUp.isUnended || usedUp.hasVanished) {
    hdrs.set("weir-unended", "true");
    hdrs.set("weir-deaths", String(usedUp.deaths ?? 0)); // 0 if a delivery vanished, and no attempt is known to have begun
  }
  // A retry keeps the count of hops. A dead letter does not, so a redrive, which an operator orders, starts a new
  // count.
  const hops = delivery.headers.get(HOPS);
  if (hops !== undefined) hdrs.set(HOPS, headerText(hops));
  return hdrs;
}

/** Adds where a delivery came from, and the parts of its history that outlast a retry and a redrive. */
export function setOrigin(
  hdrs: MsgHdrs,
  functionName: string,
  { stream, sequence, subject, history, headers, messageKey }:
    & Pick<Delivery, "stream" | "sequence" | "subject" | "history">
    & Partial<Pick<Delivery, "headers" | "messageKey">>,
  usedUp?: UsedUp,
): void {
  const { originKey = headers && hasId(headers) ? undefined : messageKey } = history;
  const { emittedSinceMs = history.emittedSinceMs, attemptTrace = history.attemptTrace } = usedUp ?? {};
  hdrs.set("weir-function", functionName);
  hdrs.set("weir-stream", stream);
  hdrs.set("weir-sequence", String(sequence));
  if (originKey !== undefined) hdrs.set("weir-origin", originKey);
  if (fittingSubject(subject) !== subject || !subject.includes(".")) hdrs.set("weir-subject", subject);
  if (emittedSinceMs !== undefined) hdrs.set("weir-emitted-since", new Date(emittedSinceMs).toISOString());
  // The span of the next attempt links to this span of the last attempt. Its parent is still the event's own
  // `traceparent`.
  if (parseTraceparent(attemptTrace)) hdrs.set("weir-attempt-trace", attemptTrace!);
  if (history.redrives > 0) hdrs.set("weir-redrives", String(history.redrives));
  if (history.replay !== undefined) hdrs.set("weir-replay", history.replay);
  if (history.emitsAs !== undefined) hdrs.set("weir-emits-as", history.emitsAs);
  if (history.isForced) hdrs.set("weir-replay-forced", "true");
  if (history.isDelayedEvent) hdrs.set(DELAYED_EVENT, "true");
  if (history.isDebounced) hdrs.set("weir-debounced", "true");
}

/**
 * Upper bound of a subject, in characters. The server's line of 4,096 bytes must also hold Weir's prefix and the reply
 * subject.
 */
const MAX_SUBJECT = 1_024;

/**
 * Returns a subject that fits behind one of Weir's prefixes. If it had to be cut, the header `weir-subject` has the
 * whole subject.
 */
export function fittingSubject(subject: string): string {
  if (subject.length <= MAX_SUBJECT) return subject;
  const sum = sha256Hex(subject, 16);
  return `${subject.slice(0, MAX_SUBJECT - 17).replace(/\.+$/, "")}-${sum}`;
}

/** Returns the event's own headers, by {@linkcode isOwnHeader}. */
export function ownHeaders(from: MessageHeaders): MsgHdrs {
  const hdrs = headers();
  // An event that is not a CloudEvent has only this id. The retry has a `Nats-Msg-Id` of its own.
  const id = from.get("nats-msg-id");
  if (id !== undefined && from.get("ce-id") === undefined) hdrs.set("weir-id", headerText(id));
  for (const [name, value] of from.entries()) {
    if (isOwnHeader(name, value)) appendHeader(hdrs, name, value);
  }
  return hdrs;
}

/** Returns the history that a retry or dead letter carries in its headers. */
export function historyIn(headers: MessageHeaders): DeliveryHistory {
  const number = (name: string) => Number(headers.get(name) ?? 0), replay = headers.get("weir-replay");
  const emitsAs = headers.get("weir-emits-as"), otherRelease = number("weir-other-release");
  const isUnended = headers.get("weir-unended") === "true";
  return {
    attempts: number("weir-attempts"),
    excusedDeliveries: number("weir-free-retries"),
    ...(otherRelease > 0 && { otherReleaseDeliveries: otherRelease }),
    redrives: number("weir-redrives"),
    emittedSinceMs: Date.parse(headers.get("weir-emitted-since") ?? "") || undefined,
    attemptTrace: headers.get("weir-attempt-trace"),
    lastError: errorIn(headers.get("weir-last-error") ?? headers.get("weir-error")),
    isUnended,
    ...(isUnended && { deaths: Number(headers.get("weir-deaths") ?? 1) }), // an earlier release writes no number
    originKey: headers.get("weir-origin"),
    ...(replay !== undefined && { replay }),
    ...(emitsAs !== undefined && { emitsAs }),
    ...(headers.get("weir-replay-forced") === "true" && { isForced: true }),
    ...(headers.get(DELAYED_EVENT) === "true" && { isDelayedEvent: true }),
    ...(headers.get("weir-debounced") === "true" && { isDebounced: true }),
  };
}

function errorIn(text: string | undefined): ErrorDetail | undefined {
  if (text === undefined) return undefined;
  const [, name, message] = /^(\S+): (.*)$/s.exec(text) ?? ["", "Error", text];
  return { name, message };
}

/** Returns whether a message has an id in its headers. The id of a structured event is in its payload. */
export function hasId(headers: MessageHeaders): boolean {
  return Boolean(headers.get("ce-id") ?? headers.get("nats-msg-id"));
}

/**
 * Reads an unhandled event from the headers that {@linkcode setOrigin} and the store of the event wrote.
 *
 * @param named The function and type that the message's subject names.
 */
export function unhandledEvent(
  sequence: number,
  headers: MsgHdrs | undefined,
  named: { readonly function: string; readonly type: string },
): UnhandledEvent {
  const header = (name: string) => headers?.get(name) ?? "";
  const stream = header("weir-stream"), streamSequence = Number(header("weir-sequence"));
  return {
    sequence,
    function: header("weir-function") || named.function,
    reason: header("weir-reason"),
    type: header("weir-subject") || named.type,
    id: decodeAttribute(header("ce-id")) || header("weir-id") || `${stream}:${streamSequence}`,
    attempts: Number(header("weir-attempts")),
    error: header("weir-error"),
    stream,
    streamSequence,
  };
}
