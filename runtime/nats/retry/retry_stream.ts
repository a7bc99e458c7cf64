import type { JetStreamManager } from "@nats-io/jetstream";
import type { PublishResult } from "../../engine/publisher.ts";
import type { UsedUp } from "../../engine/settler.ts";
import type { Delivery } from "../../core/delivery.ts";
import { errorText, type Outcome } from "../../core/outcome.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { headerText } from "../client/header_writer.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { publishFitting } from "./fit_payload.ts";
import { fittingSubject, retryHeaders } from "./retry_headers.ts";

/**
 * Shortest delay, in milliseconds, for which an event waits in the retry stream. For a shorter delay the message is
 * nacked with the delay. It then counts towards the consumer's `max_ack_pending`, for five seconds at the most.
 */
export const RETRY_STREAM_MIN_DELAY_MS = 5_000;

/**
 * The retry stream: events on their way back to one function that could not handle them yet, delayed until a time or
 * due at once. Each function has its own consumer on it, so that a retry reaches none of the event's other subscribers.
 */
export class RetryStream {
  /** @param names The names in NATS. Default: without a namespace. */
  constructor(readonly publisher: MessagePublisher, readonly names: Namespace = NO_NAMESPACE) {}

  /**
   * Stores a delayed retry as a JetStream message schedule, which survives restarts of everything.
   *
   * @throws {PublishError} when it is not known to be stored.
   */
  schedule(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome & { kind: "retry" },
    atMs: number,
    usedUp: UsedUp,
  ): Promise<PublishResult> {
    const hdrs = retryHeaders(functionName, delivery, usedUp);
    hdrs.set("weir-reason", outcome.reason);
    if (outcome.error) hdrs.set("weir-error", headerText(errorText(outcome.error)));
    if (outcome.usesAttempt && outcome.error) hdrs.set("weir-last-error", headerText(errorText(outcome.error)));
    // A message may be delayed several times, so its delivery count is part of the id.
    hdrs.set("Nats-Msg-Id", `${functionName}:${delivery.messageKey}:${delivery.deliveryCount}`);
    hdrs.set("Nats-Schedule", `@at ${new Date(atMs).toISOString()}`);
    hdrs.set("Nats-Schedule-Target", dueSubject(functionName, delivery, this.names));
    const subject = retrySubject(functionName, delivery, this.names);
    return publishFitting(this.publisher, subject, delivery.payload, hdrs);
  }

  /**
   * Stores an event as a retry that is due at once, since its own consumer never delivers it again.
   *
   * @throws {PublishError} when it is not known to be stored.
   */
  bringBack(functionName: string, delivery: Delivery, usedUp: UsedUp): Promise<PublishResult> {
    const hdrs = retryHeaders(functionName, delivery, usedUp);
    hdrs.set("Nats-Msg-Id", `returned:${functionName}:${delivery.messageKey}`);
    return publishFitting(this.publisher, dueSubject(functionName, delivery, this.names), delivery.payload, hdrs);
  }
}

/**
 * Returns the subject of a retry that is due at once. It has more tokens than any that {@linkcode retrySubject} returns,
 * so that {@linkcode delayedRetriesOf} matches delayed retries alone.
 */
export function dueSubject(
  functionName: string,
  { subject }: Pick<Delivery, "subject">,
  { retries }: Namespace,
): string {
  return `${retries.due}.${functionName}.${fittingSubject(subject)}${subject.includes(".") ? "" : "._"}`;
}

/**
 * Returns the subject of a delayed retry. It must be that of no other message: the server replaces a message schedule by a
 * later one on the same subject.
 */
export function retrySubject(
  functionName: string,
  { messageKey }: Delivery,
  { retries }: Namespace = NO_NAMESPACE,
): string {
  return `${retries.delayed}.${functionName}.${messageKey.replaceAll(".", "-")}`;
}

/**
 * Returns a filter for the delayed retries of a function. Its wildcard also covers `retries.parked`, the name in
 * earlier releases. Retries that are due have more tokens.
 */
export function delayedRetriesOf(functionName: string, { retries }: Namespace = NO_NAMESPACE): string {
  return `${retries.anyDelayed}.${functionName}.*`;
}

/** Returns whether a message of the retry stream is a delayed retry or a delayed event that is not due yet. */
export function isDelayed(subject: string, names: Namespace = NO_NAMESPACE): boolean {
  return /^retries\.(delayed|parked|events)\./.test(names.typeOf(subject));
}

/** Returns whether a delayed retry of an event is stored, by this or an earlier release. */
export async function hasDelayedRetry(
  jsm: { readonly streams: Pick<JetStreamManager["streams"], "getMessage"> },
  functionName: string,
  delivery: Delivery,
  names: Namespace = NO_NAMESPACE,
): Promise<boolean> {
  const { delayed, anyDelayed, stream } = names.retries;
  const last_by_subj = retrySubject(functionName, delivery, names).replace(delayed, anyDelayed);
  return await jsm.streams.getMessage(stream, { last_by_subj }) !== null;
}
