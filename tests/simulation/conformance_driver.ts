import type { ConsumerOptions } from "./consumer_model.ts";
import type { PubAck, StreamOptions } from "./model.ts";

/** A delivery of a consumer. */
export interface Received {
  readonly subject: string;
  readonly reply: string;
  readonly deliveries: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The operations that conformance tests use, on the model or on a real server. */
export interface Driver {
  addStream(options: StreamOptions): Promise<void>;
  deleteStream(name: string): Promise<void>;
  addConsumer(stream: string, options: ConsumerOptions): Promise<void>;
  publish(subject: string, headers?: Readonly<Record<string, string>>, body?: string): Promise<PubAck>;
  /** Pulls one message, waiting for up to `withinMs`. */
  next(stream: string, consumer: string, withinMs: number): Promise<Received | undefined>;
  /** Sends an ack, nak, term or in-progress ack, and resolves once JetStream has processed it. */
  ack(received: Received, body: string): Promise<void>;
  /** Returns the subjects of a stream's messages, by sequence. */
  subjects(stream: string): Promise<string[]>;
  deleteMessage(stream: string, seq: number): Promise<boolean>;
  ackPending(stream: string, consumer: string): Promise<number>;
  nowMs(): number;
  /** Waits, in virtual time for the model. */
  wait(ms: number): Promise<void>;
}
