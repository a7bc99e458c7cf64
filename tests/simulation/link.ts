import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { NatsAttemptStore } from "../../runtime/nats/retry/attempt_store.ts";
import type { DuplicateFinder } from "../../runtime/nats/publish/late_dedup.ts";
import { RETRIES, retrySubject } from "../../runtime/nats/retry/retry_stream.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import { PublishError } from "../../runtime/engine/publisher.ts";
import type { MessagePublisher, TextPublisher } from "../../runtime/nats/publish/message_publisher.ts";
import type { PublishResult } from "../../runtime/engine/publisher.ts";
import { ANY } from "./ledger.ts";
import { type Header, type JetStreamModel, WINDOW_MS } from "./model.ts";
import { headerLines } from "./wire.ts";

/** For how long the store asks again; then it gives up. */
const REPEATS_FOR_MS = 8_000;

/** A request to the server that is not answered yet. What becomes of it is the schedule's to choose. */
export interface Ask {
  readonly link: Link;
  readonly what: string;
  /** The event that it is about, if any. */
  about(): string | undefined;
  /** Lets it reach the server, unless it has before. */
  apply(): void;
  /** Lets its answer arrive. */
  answer(): void;
  /** It is not known to have happened. */
  fail(): void;
  applied: boolean;
  /** Whether the client asks again until it is answered, as the store does and single requests do not. */
  readonly repeats: boolean;
  /** Whether the client has asked so long that it gives up. */
  overdue(): boolean;
}

/** An answer to a delivery on its way to the server: `+ACK` and its like. */
export interface Reply {
  readonly link: Link;
  readonly handle: string;
  readonly body: string;
}

/** What every link needs of the world. */
export interface Network {
  readonly model: JetStreamModel;
  /** The attempts' bucket: a last value for each key. */
  readonly bucket: Map<string, string>;
  now(): number;
  /** The id of the event that a message belongs to, by what it carries. */
  eventIn(headers: readonly Header[], payload: Uint8Array): string | undefined;
  /** The id of the event that was handed out from a place in a stream. */
  eventAt(place: string): string | undefined;
  asked(ask: Ask): void;
  replied(reply: Reply): void;
  stored(subject: string): void;
}

/** One runtime's connection to the model: what `NatsSettler`, `AttemptStore` and the stores are handed for NATS. */
export class Link {
  /** What happens at the other end of a cut connection does not come through; nothing leaves a dead process. */
  state: "up" | "cut" | "dead" = "up";

  constructor(readonly network: Network) {}

  readonly nc: Pick<NatsConnection, "publish" | "isClosed"> = {
    publish: (handle, body) => {
      if (this.state !== "dead") this.network.replied({ link: this, handle, body: body as string });
    },
    isClosed: () => false,
  };

  readonly messages: MessagePublisher & TextPublisher = {
    publish: (subject: string, payload: Uint8Array, hdrs: MsgHdrs): Promise<PublishResult> => {
      const { model } = this.network;
      const headers = headerLines(hdrs);
      const about = () => this.network.eventIn(headers, payload);
      return this.#ask(`store ${subject}`, about, () => {
        const ack = model.publish(subject, payload, headers, this.network.now());
        if (ack === undefined) throw new PublishError("unavailable", `no stream stores ${subject}`);
        if ("error" in ack) throw new PublishError("refused", ack.error.description);
        if (!ack.duplicate) this.network.stored(subject);
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
      this.#ask(`get ${key}`, () => this.network.eventAt(placeOf(key)), () => {
        const text = this.network.bucket.get(key);
        return text === undefined ? null : { json: () => JSON.parse(text) };
      }),
    put: (key: string, text: string) =>
      this.#ask(`put ${key}`, () => this.network.eventAt(placeOf(key)), () => {
        this.network.bucket.set(key, text);
        return 0;
      }),
  } as unknown as ConstructorParameters<typeof NatsAttemptStore>[0];

  readonly streams = {
    getMessage: (stream: string, { seq }: { seq: number }) =>
      this.#ask(`read ${stream} ${seq}`, () => undefined, () => this.network.model.message(stream, seq) ?? null),
    deleteMessage: (stream: string, seq: number) =>
      this.#ask(`delete ${stream} ${seq}`, () => undefined, () => this.network.model.deleteMessage(stream, seq)),
  };

  readonly isDelayed = (functionName: string, delivery: Delivery): Promise<boolean> => {
    const subject = retrySubject(functionName, delivery);
    return this.#ask(`is ${subject} there`, () => this.network.eventAt(delivery.messageKey), () => {
      return this.network.model.messages(RETRIES.stream).some((message) => message.subject === subject);
    });
  };

  readonly duplicates: DuplicateFinder = {
    find: (subject, id, sinceMs) => {
      if (this.network.now() - sinceMs < WINDOW_MS / 2) return Promise.resolve(undefined);
      return this.#ask(`find ${id}`, () => ANY, () => {
        const found = this.network.model.find(subject, id, sinceMs);
        return found && { ...found, duplicate: true };
      }, true);
    },
  };

  #ask<Result>(
    what: string,
    about: () => string | undefined,
    perform: () => Result,
    repeats = false,
  ): Promise<Result> {
    if (this.state === "dead") return new Promise(() => {});
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    let result: Result | undefined, error: unknown, appliedAtMs = -Infinity;
    const giveUpAtMs = this.network.now() + REPEATS_FOR_MS;
    const reach = () => {
      ask.applied = true;
      appliedAtMs = this.network.now();
      try {
        result = perform();
      } catch (thrown) {
        error = thrown;
      }
    };
    const ask: Ask = {
      link: this,
      what,
      about,
      repeats,
      applied: false,
      apply: () => void (ask.applied || reach()),
      answer: () => {
        // What was not answered for a while was asked again, and it is the second answer that came.
        if (!ask.applied || (repeats && this.network.now() - appliedAtMs <= REPEATS_FOR_MS)) reach();
        if (error !== undefined) reject(error);
        else resolve(result as Result);
      },
      overdue: () => repeats && this.network.now() > giveUpAtMs,
      fail: () => reject(new PublishError("unavailable", `no answer to: ${what}`)),
    };
    this.network.asked(ask);
    return promise;
  }
}

/** A key of the attempts is a function's name and a place: stream, sequence and time. */
function placeOf(key: string): string {
  const [, stream, seq] = key.split(".");
  return `${stream}.${seq}`;
}
