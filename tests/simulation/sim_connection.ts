import type { JetStreamManager } from "@nats-io/jetstream";
import { headers, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import type { NatsAttemptStore } from "../../runtime/nats/retry/nats_attempt_store.ts";
import type { DuplicateFinder } from "../../runtime/nats/publish/late_dedup.ts";
import { retrySubject } from "../../runtime/nats/retry/retry_stream.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import { covers } from "../../runtime/core/subjects.ts";
import { PublishError } from "../../runtime/engine/publisher.ts";
import type { MessagePublisher, TextPublisher } from "../../runtime/nats/publish/message_publisher.ts";
import { EMPTY_WINDOW } from "../../runtime/core/rate_window.ts";
import type { RateStore, StoredWindow } from "../../runtime/engine/rate_store.ts";
import type { PublishResult } from "../../runtime/engine/publisher.ts";
import type { PinRequests } from "../../runtime/nats/consume/order_consumers.ts";
import type { ModelConsumer } from "./consumer_model.ts";
import { ANY } from "./ledger.ts";
import { DUPLICATE_WINDOW_MS, type Header, type JetStreamModel, type StoredMessage } from "./model.ts";
import { headerLines } from "./wire.ts";

/** How long the publisher repeats a request before it gives up. */
const GIVE_UP_AFTER_MS = 8_000;

interface BatchRead {
  readonly seq: number;
  readonly next_by_subj: string;
  callback(done: object | null, message?: object): void;
}

/** A request without a response yet. The schedule decides whether and when it succeeds. */
export interface Request {
  readonly connection: SimConnection;
  readonly name: string;
  /** Returns the id of the event that it concerns, if any. */
  eventId(): string | undefined;
  /** Has the server process it, unless it has already. */
  process(): void;
  /** Delivers the response. */
  respond(): void;
  /** Rejects it as timed out: the client does not know whether the server processed it. */
  fail(): void;
  processed: boolean;
  /** True when the client repeats it until it gets a response, as the publisher does. */
  readonly repeats: boolean;
  /** Returns whether the client gives up repeating it. */
  overdue(): boolean;
}

/** An ack, nak, term or in-progress ack on its way to the server. */
export interface Ack {
  readonly connection: SimConnection;
  readonly ackSubject: string;
  readonly body: string;
}

/** The server and the observers of a connection. */
export interface Network {
  readonly model: JetStreamModel;
  /** The values of the attempts' bucket. */
  readonly bucket: Map<string, string>;
  /** The windows of the rates' bucket. */
  readonly rates: Map<string, StoredWindow>;
  now(): number;
  /** Returns the id of the event that a message belongs to. */
  eventIn(headers: readonly Header[], payload: Uint8Array): string | undefined;
  /** Returns the id of the event that a message carries, by `stream.sequence.time`. */
  eventOf(messageKey: string): string | undefined;
  /** Returns the function's consumer on a stream, or that of one of its partitions. */
  consumerOf(stream: string, partition?: number): ModelConsumer;
  /** Returns when a stream was created; NaN before it was created again. */
  createdMs(stream: string): number;
  requested(request: Request): void;
  acked(ack: Ack): void;
  /** @param id Id of the event in the message; undefined for none. */
  stored(subject: string, by: SimConnection, id: string | undefined): void;
}

/** The connection of one runtime to the model, in place of the NATS client. */
export class SimConnection {
  /** `cut`: no response arrives. `dead`: the process has ended, and sends nothing. */
  state: "up" | "cut" | "dead" = "up";
  /** True while its process stands still: the server processes what was sent, and no response is read. */
  isFrozen = false;

  constructor(readonly network: Network) {}

  readonly nc: Pick<NatsConnection, "publish" | "isClosed" | "request"> = {
    publish: (ackSubject, body) => {
      if (this.state !== "dead") this.network.acked({ connection: this, ackSubject, body: body as string });
    },
    isClosed: () => false,
    request: (ackSubject, body) => {
      const [, , stream, , , seq, , nanos] = ackSubject.split(".");
      return this.#request(
        `${body} of ${stream} ${seq}`,
        () => this.network.eventOf(`${stream}.${seq}.${nanos}`),
        () => {
          const { model } = this.network, message = model.message(stream, Number(seq));
          // As in `processAck`: only a client can tell that another message is at this position now.
          if (`${message?.timeMs}000000` === nanos) model.ack(ackSubject, body as string, this.network.now());
          return {} as Msg;
        },
      );
    },
  };

  readonly messages: MessagePublisher & TextPublisher = {
    publish: (subject: string, payload: Uint8Array, hdrs: MsgHdrs): Promise<PublishResult> => {
      const { model } = this.network;
      const lines = headerLines(hdrs);
      const eventId = () => this.network.eventIn(lines, payload);
      return this.#request(`store ${subject}`, eventId, () => {
        const ack = model.publish(subject, payload, lines, this.network.now());
        if (ack === undefined) throw new PublishError("unavailable", `no stream stores ${subject}`);
        if ("error" in ack) {
          const { errCode: jetStreamCode, description } = ack.error;
          throw new PublishError("refused", description, { jetStreamCode });
        }
        if (!ack.duplicate) this.network.stored(subject, this, eventId());
        return { stream: ack.stream, sequence: ack.seq, duplicate: ack.duplicate };
      }, true);
    },
    publishText: (subject, message, listener) => {
      const payload = new TextEncoder().encode(message.payload);
      this.messages.publish(subject, payload, message.headers().toMsgHdrs()).then(
        (result) => listener.stored(result),
        (error) => listener.failed(error),
      );
    },
  };

  readonly kv = {
    get: (key: string) =>
      this.#request(`get ${key}`, () => this.network.eventOf(messageKeyOf(key)), () => {
        const text = this.network.bucket.get(key);
        return text === undefined ? null : { json: () => JSON.parse(text) };
      }),
    put: (key: string, text: string) =>
      this.#request(`put ${key}`, () => this.network.eventOf(messageKeyOf(key)), () => {
        this.network.bucket.set(key, text);
        return 0;
      }),
  } as unknown as ConstructorParameters<typeof NatsAttemptStore>[0];

  readonly streams = {
    getMessage: (stream: string, { seq }: { seq: number }) =>
      this.ask(`read ${stream} ${seq}`, () => storedMsg(this.network.model.message(stream, seq))),
    deleteMessage: (stream: string, seq: number) =>
      this.#request(`delete ${stream} ${seq}`, () => undefined, () => this.network.model.deleteMessage(stream, seq)),
  };

  readonly rates: RateStore = {
    read: (_name, key) =>
      this.#request(`read rate ${key}`, () => undefined, () => {
        return this.network.rates.get(key) ?? { window: EMPTY_WINDOW, revision: 0 };
      }),
    write: (_name, key, { window, revision }) =>
      this.#request(`write rate ${key}`, () => undefined, () => {
        const current = this.network.rates.get(key)?.revision ?? 0;
        if (current !== revision) return undefined;
        this.network.rates.set(key, { window, revision: current + 1 });
        return current + 1;
      }),
  };

  /** Returns the requests for the pins of the function, or of one of its partitions. */
  readonly pinsOf = (partition?: number): PinRequests => ({
    ask: (stream) =>
      this.#request(`info ${stream}`, () => undefined, () => {
        const consumer = this.network.consumerOf(stream, partition), nowMs = this.network.now();
        return {
          unsettled: consumer.ackPending,
          position: consumer.position,
          pinId: consumer.pinAt(nowMs),
          pending: consumer.pending,
        };
      }),
    unpin: (stream) => {
      if (this.state === "up") this.network.consumerOf(stream, partition).unpin();
    },
  });

  /** Direct reads of batches, as `readBatch` makes them. */
  readonly direct = {
    direct: {
      getBatch: async (stream: string, { seq, next_by_subj, callback }: BatchRead) => {
        const messages = await this.ask(`read ${next_by_subj}`, () => {
          return this.network.model.messages(stream).filter((one) =>
            one.seq >= seq && covers(next_by_subj, one.subject)
          );
        });
        for (const message of messages) callback(null, storedMsg(message)!);
        callback({});
      },
    },
  } as unknown as Pick<JetStreamManager, "direct">;

  readonly isDelayed = (functionName: string, delivery: Delivery): Promise<boolean> => {
    const subject = retrySubject(functionName, delivery);
    return this.#request(`is ${subject} there`, () => this.network.eventOf(delivery.messageKey), () => {
      return this.network.model.messages("RETRIES").some((message) => message.subject === subject);
    });
  };

  readonly duplicates: DuplicateFinder = {
    find: (subject, id, sinceMs) => {
      if (this.network.now() - sinceMs < DUPLICATE_WINDOW_MS / 2) return Promise.resolve(undefined);
      return this.#request(`find ${id}`, () => ANY, () => {
        const found = this.network.model.find(subject, id, sinceMs);
        return found && { ...found, duplicate: true };
      }, true);
    },
  };

  /** Makes a request that concerns no event, or many. */
  ask<Result>(name: string, perform: () => Result): Promise<Result> {
    return this.#request(name, () => undefined, perform);
  }

  #request<Result>(
    name: string,
    eventId: () => string | undefined,
    perform: () => Result,
    repeats = false,
  ): Promise<Result> {
    if (this.state === "dead") return new Promise(() => {});
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    let result: Result | undefined, error: unknown, processedAtMs = -Infinity;
    const giveUpAtMs = this.network.now() + GIVE_UP_AFTER_MS;
    const process = () => {
      request.processed = true;
      processedAtMs = this.network.now();
      try {
        result = perform();
      } catch (thrown) {
        error = thrown;
      }
    };
    const request: Request = {
      connection: this,
      name,
      eventId,
      repeats,
      processed: false,
      process: () => void (request.processed || process()),
      respond: () => {
        // A repeated request is processed again, and this response is that of the repetition.
        if (!request.processed || (repeats && this.network.now() - processedAtMs <= GIVE_UP_AFTER_MS)) process();
        if (error !== undefined) reject(error);
        else resolve(result as Result);
      },
      overdue: () => repeats && this.network.now() > giveUpAtMs,
      fail: () => reject(new PublishError("unavailable", `no response to: ${name}`)),
    };
    this.network.requested(request);
    return promise;
  }
}

/** Returns a stored message as the NATS client reads it; null for none. */
function storedMsg(message: StoredMessage | undefined) {
  if (!message) return null;
  const header = headers();
  for (const [name, value] of message.headers) header.append(name, value);
  return { ...message, header, data: message.payload, time: new Date(message.timeMs) };
}

/** Returns the `stream.sequence.time` of an attempts key, which is `function.stream.sequence.time`. */
function messageKeyOf(key: string): string {
  return key.slice(key.indexOf(".") + 1);
}
