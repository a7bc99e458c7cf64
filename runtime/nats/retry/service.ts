import type { JetStreamManager, MsgRequest, StoredMsg } from "@nats-io/jetstream";
import type { DelayedRetry, DelayedRetryFilter } from "../../core/delayed_retry.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { covers } from "../../core/subjects.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { removeMessage } from "../client/remove_message.ts";
import { storedDelivery } from "../consume/parse_delivery.ts";
import { DeadLetters } from "../dead_letters/dead_letters.ts";
import { readStored } from "../inspect/read_stored.ts";
import type { DuplicateFinder } from "../publish/late_dedup.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { readBatches } from "../inspect/read_batches.ts";
import { unlessMissing } from "../topology/find.ts";
import { delayedEventsOf, KEY_HEADER } from "./delayed_events.ts";
import { DELAYED_EVENT, unhandledEvent } from "./retry_headers.ts";
import { delayedRetriesOf, isDelayed } from "./retry_stream.ts";

/** The operations on delayed retries and delayed events, for the commands and the admin listener. */
export class RetryService {
  readonly #deadLetters: DeadLetters;
  readonly #names: Namespace;

  constructor(
    readonly cluster: {
      readonly jsm: JetStreamManager;
      readonly messages: MessagePublisher;
      readonly duplicates: DuplicateFinder;
      /** The names in NATS. Default: without a namespace. */
      readonly names?: Namespace;
    },
  ) {
    this.#names = cluster.names ?? NO_NAMESPACE;
    this.#deadLetters = new DeadLetters(cluster.messages, cluster.duplicates, Date.now, this.#names);
  }

  /** Lists delayed retries, and then delayed events, each in the order they were stored. */
  async *list(filter: DelayedRetryFilter): AsyncIterable<DelayedRetry> {
    const { jsm } = this.cluster, names = this.#names, fn = filter.function ?? "*";
    let found = 0;
    for (const subjects of [delayedRetriesOf(fn, names), delayedEventsOf(fn, names)]) {
      for await (const message of readStored(jsm, names.retries.stream, subjects)) {
        if (!isDelayed(message.subject, names)) continue;
        const retry = toDelayedRetry(message, names);
        if (filter.type !== undefined && !covers(filter.type, retry.type)) continue;
        yield retry;
        if (++found === filter.limit) return;
      }
    }
  }

  /** Returns the place in RETRIES where an event of a stream waits for a function; undefined if it waits in none. */
  async find(
    functionName: string,
    stream: string,
    sequence: number,
  ): Promise<{ readonly sequence: number; readonly isDelayed: boolean } | undefined> {
    const names = this.#names, { due, redriven, stream: retries } = names.retries;
    const subjects = [due, redriven].map((prefix) => `${prefix}.${functionName}.>`);
    for (const subject of [delayedRetriesOf(functionName, names), ...subjects]) {
      for await (const messages of readBatches(this.cluster.jsm, retries, subject)) {
        const found = messages.find(({ header }) =>
          header.get("weir-stream") === stream && header.get("weir-sequence") === String(sequence)
        );
        if (found) return { sequence: found.seq, isDelayed: isDelayed(found.subject, names) };
      }
    }
  }

  /**
   * Makes a dead letter of a delayed retry or a delayed event. It can then be redriven or discarded.
   *
   * @returns False if none has that sequence: it has come due, or was cancelled before.
   * @throws {PublishError} when the dead letter is not known to be stored; the retry then stays.
   */
  async cancel(sequence: number): Promise<boolean> {
    const message = await this.cluster.jsm.streams.getMessage(this.#names.retries.stream, { seq: sequence });
    if (!message || !isDelayed(message.subject, this.#names)) return false;
    const { function: functionName, error, kind } = toDelayedRetry(message, this.#names);
    const why = kind === "event" ? "the delayed event was cancelled" : "its delayed retry was cancelled";
    return await this.#deadLetter(functionName, message, why, error);
  }

  /**
   * Makes dead letters of those retries of a removed function that are due, redriven, or in a partition. They wait for its
   * consumer, and in a work queue they would stay for ever.
   *
   * @returns Number of dead letters that were stored.
   * @throws {PublishError} as {@linkcode cancel} does.
   */
  async deadLetterDue(functionName: string): Promise<number> {
    const { stream, due, redriven, partition } = this.#names.retries;
    const why = "it had come back to a function that was removed";
    let count = 0;
    for (const prefix of [partition, due, redriven]) {
      count += await this.#deadLetterAll(functionName, stream, `${prefix}.${functionName}.>`, why);
    }
    return count;
  }

  /**
   * Makes dead letters of the events that wait in the partitions of a removed function. They are acked in their own
   * streams.
   *
   * @returns Number of dead letters that were stored.
   * @throws {PublishError} as {@linkcode cancel} does.
   */
  async deadLetterAssigned(functionName: string): Promise<number> {
    const { stream, prefix } = this.#names.partitions, why = "it waited in a partition of a function that was removed";
    return await this.#deadLetterAll(functionName, stream, `${prefix}.${functionName}.>`, why);
  }

  async #deadLetterAll(functionName: string, stream: string, subject: string, why: string): Promise<number> {
    const { streams } = this.cluster.jsm;
    let count = 0;
    for (let seq = 1;;) {
      const which = { seq, next_by_subj: subject } as MsgRequest; // the client's type lacks it
      const message = await unlessMissing(streams.getMessage(stream, which), JETSTREAM_CODES.streamNotFound);
      if (!message) return count;
      seq = message.seq + 1;
      if (await this.#deadLetter(functionName, message, why, message.header.get("weir-error"), stream)) count++;
    }
  }

  /** Returns false if the retry was delivered meanwhile: its function handles it, and no dead letter is stored. */
  async #deadLetter(
    functionName: string,
    retry: StoredMsg,
    why: string,
    delayedFor: string,
    stream = this.#names.retries.stream,
  ): Promise<boolean> {
    const { seq: sequence, header, timestamp } = retry;
    const message = delayedFor ? `${why}; it was delayed for: ${delayedFor}` : why;
    const error = { name: "CancelledError", message }, attempts = Number(header.get("weir-attempts"));
    const outcome = { kind: "dead-letter", reason: "cancelled", attempts, error } as const;
    // The delivery that the retry would come back as.
    const delivery = storedDelivery(
      stream,
      retry,
      header.get("Nats-Schedule-Target") || retry.subject,
      this.#names,
    );
    // An id of its own: the event may still get a dead letter of its own, which must not be taken for a duplicate.
    const id = `cancelled:${sequence}:${timestamp}`;
    const stored = await this.#deadLetters.store(functionName, delivery, outcome, undefined, id);
    if (await removeMessage(this.cluster.jsm, stream, sequence)) return true;
    await removeMessage(this.cluster.jsm, this.#names.deadLetters.stream, stored.sequence);
    return false;
  }
}

function toDelayedRetry({ seq, subject, header }: StoredMsg, names: Namespace): DelayedRetry {
  const fn = names.typeOf(subject).split(".")[2], target = names.typeOf(header.get("Nats-Schedule-Target"));
  const type = target.split(".").slice(3).join(".");
  const due = header.get("Nats-Schedule").replace(/^@at /, ""), key = header.get(KEY_HEADER);
  const kind = header.get(DELAYED_EVENT) ? "event" : "retry";
  return { ...unhandledEvent(seq, header, { function: fn, type }), kind, due, ...(key && { key }) };
}
