import { covers } from "../../runtime/core/subjects.ts";
import { type ConsumerOptions, ModelConsumer, type ModelDelivery } from "./consumer_model.ts";

/** A header line. A name may occur more than once. */
export type Header = readonly [name: string, value: string];

/** A message in a stream. */
export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: readonly Header[];
  readonly timeMs: number;
}

export interface StreamOptions {
  readonly name: string;
  readonly subjects: readonly string[];
  /** Work queue retention: a message is deleted once it is acked or terminated. */
  readonly workQueue?: boolean;
  readonly duplicateWindowMs?: number;
}

/** The response of JetStream to a publish. */
export type PubAck =
  | { readonly stream: string; readonly seq: number; readonly duplicate: boolean }
  | { readonly error: { readonly errCode: number; readonly description: string } };

/** JetStream's default duplicate window. */
export const DUPLICATE_WINDOW_MS = 120_000;

/** A stream: its messages, the ids of its duplicate window, and its schedules. */
class ModelStream {
  readonly messages = new Map<number, StoredMessage>();
  readonly consumers = new Map<string, ModelConsumer>();
  readonly schedules = new Map<string, { readonly seq: number; readonly atMs: number }>();
  readonly #ids = new Map<string, { readonly seq: number; readonly untilMs: number }>();
  lastSeq = 0;

  constructor(readonly options: StreamOptions) {}

  publish(subject: string, payload: Uint8Array, headers: readonly Header[], nowMs: number): PubAck {
    const { name: stream, duplicateWindowMs = DUPLICATE_WINDOW_MS } = this.options;
    const expected = headerOf(headers, "Nats-Expected-Last-Subject-Sequence");
    if (expected !== undefined) {
      const last = this.#lastOf(subject);
      if (last !== Number(expected)) {
        return { error: { errCode: 10071, description: `wrong last sequence: ${last}` } };
      }
    }
    const id = headerOf(headers, "Nats-Msg-Id");
    if (id !== undefined) {
      const known = this.#ids.get(id);
      if (known && nowMs < known.untilMs) return { stream, seq: known.seq, duplicate: true };
    }
    const schedule = headerOf(headers, "Nats-Schedule");
    if (schedule !== undefined) {
      const earlier = this.schedules.get(subject);
      if (earlier) this.delete(earlier.seq);
    }
    const seq = ++this.lastSeq;
    this.messages.set(seq, { seq, subject, payload, headers, timeMs: nowMs });
    if (id !== undefined) this.#ids.set(id, { seq, untilMs: nowMs + duplicateWindowMs });
    if (schedule !== undefined) this.schedules.set(subject, { seq, atMs: Date.parse(schedule.slice("@at ".length)) });
    return { stream, seq, duplicate: false };
  }

  delete(seq: number): boolean {
    const message = this.messages.get(seq);
    if (!message) return false;
    if (this.schedules.get(message.subject)?.seq === seq) this.schedules.delete(message.subject);
    return this.messages.delete(seq);
  }

  /** Fires due schedules: each is replaced by a message on its target, without its message id. */
  fire(nowMs: number): void {
    for (const [subject, { seq, atMs }] of this.schedules) {
      if (atMs > nowMs) continue;
      const { headers, payload } = this.messages.get(seq)!;
      this.delete(seq);
      const own = headers.filter(([name]) => name !== "Nats-Msg-Id" && !name.startsWith("Nats-Schedule"));
      const added: Header[] = [["Nats-Scheduler", subject], ["Nats-Schedule-Next", "purge"]];
      this.publish(headerOf(headers, "Nats-Schedule-Target")!, payload, [...own, ...added], nowMs);
    }
  }

  #lastOf(subject: string): number {
    let last = 0;
    for (const message of this.messages.values()) if (message.subject === subject) last = message.seq;
    return last;
  }
}

/**
 * JetStream in memory, as far as Weir relies on it. The caller passes the time. `conformance_test.ts` checks the model
 * and nats-server against the same statements.
 */
export class JetStreamModel {
  readonly #streams = new Map<string, ModelStream>();

  addStream(options: StreamOptions): void {
    this.#streams.set(options.name, new ModelStream(options));
  }

  /** Deletes a stream with its consumers, messages and ids. */
  deleteStream(name: string): void {
    this.#streams.delete(name);
  }

  addConsumer(streamName: string, options: ConsumerOptions): ModelConsumer {
    const stream = this.#stream(streamName);
    const consumer = new ModelConsumer(streamName, stream, options, (seq) => {
      if (stream.options.workQueue) stream.delete(seq);
    });
    stream.consumers.set(options.name, consumer);
    return consumer;
  }

  /** Stores a message. Returns undefined when no stream has the subject. */
  publish(subject: string, payload: Uint8Array, headers: readonly Header[], nowMs: number): PubAck | undefined {
    for (const stream of this.#streams.values()) {
      if (stream.options.subjects.some((pattern) => covers(pattern, subject))) {
        return stream.publish(subject, payload, headers, nowMs);
      }
    }
    return undefined;
  }

  messages(stream: string): StoredMessage[] {
    return [...this.#stream(stream).messages.values()];
  }

  message(stream: string, seq: number): StoredMessage | undefined {
    return this.#stream(stream).messages.get(seq);
  }

  /** Returns the message with that subject and id that was stored since a time. */
  find(subject: string, id: string, sinceMs: number): { stream: string; sequence: number } | undefined {
    for (const { options, messages } of this.#streams.values()) {
      for (const message of messages.values()) {
        const meant = message.subject === subject && message.timeMs >= sinceMs;
        if (meant && headerOf(message.headers, "Nats-Msg-Id") === id) {
          return { stream: options.name, sequence: message.seq };
        }
      }
    }
    return undefined;
  }

  deleteMessage(stream: string, seq: number): boolean {
    return this.#stream(stream).delete(seq);
  }

  /** Delivers the next message of a consumer, as a pull request of one would. */
  next(stream: string, consumer: string, nowMs: number): ModelDelivery | undefined {
    return this.#stream(stream).consumers.get(consumer)!.next(nowMs);
  }

  /** Processes an ack, nak, term or in-progress ack, by the ack subject of its delivery. */
  ack(reply: string, body: string, nowMs: number): void {
    const [, , stream, consumer, , seq] = reply.split(".");
    this.#streams.get(stream)?.consumers.get(consumer)?.ack(Number(seq), body, nowMs);
  }

  /** Fires due schedules. */
  tick(nowMs: number): void {
    for (const stream of this.#streams.values()) if (stream.schedules.size > 0) stream.fire(nowMs);
  }

  /** Returns the time of the next schedule or redelivery; Infinity if there is none. */
  nextMs(nowMs: number): number {
    let next = Infinity;
    for (const stream of this.#streams.values()) {
      for (const { atMs } of stream.schedules.values()) next = Math.min(next, Math.max(atMs, nowMs));
      for (const consumer of stream.consumers.values()) next = Math.min(next, consumer.nextMs(nowMs));
    }
    return next;
  }

  #stream(name: string): ModelStream {
    const stream = this.#streams.get(name);
    if (!stream) throw new Error(`the model has no stream ${name}`);
    return stream;
  }
}

/** Returns the first header with that name. The server matches its own headers case-sensitively. */
export function headerOf(headers: readonly Header[], wanted: string): string | undefined {
  for (const [name, value] of headers) if (name === wanted) return value;
  return undefined;
}
