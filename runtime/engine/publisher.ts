import type { Context } from "@opentelemetry/api";
import type { OutgoingEvent } from "../core/event.ts";

/** JetStream's answer to a stored event. */
export interface PublishResult {
  readonly stream: string;
  /** Position in the stream, from 1. */
  readonly sequence: number;
  /** True when the stream already had an event with this id and stored nothing new. */
  readonly duplicate: boolean;
}

/** Receives the result of one publish. Exactly one of its methods is called, once. */
export interface PublishListener {
  stored(result: PublishResult): void;
  /** The event is not known to be stored. */
  failed(error: unknown): void;
}

export interface PublishOptions {
  /**
   * Earliest time at which an earlier attempt may have stored the event, in milliseconds since 1970. The publisher then
   * searches the stream for the event if JetStream's duplicate window does not reach back to that time.
   *
   * @default no search: only the duplicate window finds duplicates
   */
  readonly storedSinceMs?: number;
  /** Parent of the publish span. @default the active context */
  readonly parent?: Context;
}

/**
 * Stores events in JetStream. Results go to a listener rather than a promise, since publishers are layered (metrics,
 * tracing, NATS). Hot path: one promise an event less for each layer, see bench.
 */
export interface Publisher {
  /** Publishes an event. Never throws. A failure that the publisher recognizes is a {@linkcode PublishError}. */
  publish(event: OutgoingEvent, listener: PublishListener, options?: PublishOptions): void;
}

/** Publishes an event. Resolves once it is stored, and rejects when it is not known to be. */
export function publishAsync(
  publisher: Publisher,
  event: OutgoingEvent,
  options?: PublishOptions,
): Promise<PublishResult> {
  return new Promise((stored, failed) => publisher.publish(event, { stored, failed }, options));
}

/**
 * Reason why a message was not stored:
 *
 * - `unavailable`: NATS or JetStream did not answer in time. The message may be stored: publishing the same id again
 *   shows whether it is.
 * - `full`: the stream, or the storage of the account or server, takes no more.
 * - `too-large`: the message exceeds a limit of the server or the stream.
 * - `no-stream`: JetStream answers, and no stream stores the subject.
 * - `denied`: the NATS user lacks a permission.
 * - `id-taken`: another event had the same id shortly before.
 * - `refused`: JetStream refused the message for another reason.
 *
 * `unavailable` may pass without action; the others need an operator or the author.
 */
export type PublishErrorCode =
  | "unavailable"
  | "full"
  | "too-large"
  | "no-stream"
  | "denied"
  | "id-taken"
  | "refused";

/** Codes whose cause is not the message itself: any other message would have failed as well. */
const TRANSIENT: readonly PublishErrorCode[] = ["unavailable", "full", "no-stream", "denied"];

export interface PublishErrorOptions extends ErrorOptions {
  /** Error code of JetStream's answer. @default there was no answer */
  readonly jetStreamCode?: number;
}

/** Error of a message that is not known to be stored. */
export class PublishError extends Error {
  override readonly name = "PublishError";
  /** Error code of JetStream's answer. Undefined without an answer. */
  readonly jetStreamCode: number | undefined;

  constructor(
    readonly code: PublishErrorCode,
    message: string,
    { jetStreamCode, ...options }: PublishErrorOptions = {},
  ) {
    super(message, options);
    this.jetStreamCode = jetStreamCode;
  }

  /** True when any other message would have failed as well. */
  get transient(): boolean {
    return TRANSIENT.includes(this.code);
  }
}
