import type { ConsumerOptions } from "./consumer_model.ts";
import type { PubAck, StreamOptions } from "./model.ts";

/** A message as a consumer handed it out. */
export interface Received {
  readonly subject: string;
  readonly reply: string;
  readonly deliveries: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** JetStream, whichever: what the statements of `conformance_*.ts` are made about. */
export interface Driver {
  addStream(options: StreamOptions): Promise<void>;
  addConsumer(stream: string, options: ConsumerOptions): Promise<void>;
  publish(subject: string, headers?: Readonly<Record<string, string>>, body?: string): Promise<PubAck>;
  /** The consumer's next message, waiting that long for one. */
  next(stream: string, consumer: string, withinMs: number): Promise<Received | undefined>;
  /** Answers a delivery, and resolves once JetStream has taken it. */
  answer(received: Received, body: string): Promise<void>;
  /** The subjects of the messages a stream has, in their order. */
  subjects(stream: string): Promise<string[]>;
  deleteMessage(stream: string, seq: number): Promise<boolean>;
  ackPending(stream: string, consumer: string): Promise<number>;
  nowMs(): number;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
}
