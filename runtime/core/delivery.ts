/** Read access to the headers of a message; names match whatever their case. */
export interface MessageHeaders {
  get(name: string): string | undefined;
  /** Hands over every header, in the order it came; a name may come more than once. */
  each(visit: (lowerName: string, value: string) => void): void;
  /** The same, with the names as they came. */
  entries(): Iterable<readonly [name: string, value: string]>;
}

/** What became of an event before it came back through the retry lane. */
export interface DeliveryHistory {
  readonly attempts: number;
  readonly excusedDeliveries: number;
  readonly redrives: number;
  /** What it emits may be stored already, since then: milliseconds since 1970. Undefined: it certainly is not. */
  readonly emittedSinceMs?: number;
  /** The span of the attempt before this one, as a W3C `traceparent`. */
  readonly attemptTrace?: string;
}

/** One message handed to us by JetStream, to be settled exactly once. */
export interface Delivery {
  readonly stream: string;
  /** Position in the stream, from 1. */
  readonly sequence: number;
  readonly subject: string;
  /** How often JetStream has handed this message out, this time included. It is not the attempt. */
  readonly deliveryCount: number;
  /** When the stream stored the message: milliseconds since 1970. */
  readonly storedAtMs: number;
  readonly payload: Uint8Array;
  readonly headers: MessageHeaders;
  /** What was used up before it came back through the retry lane; zeros for a message straight from its stream. */
  readonly history: DeliveryHistory;
  /** The dead letter this is the redrive of: its sequence, to be removed before this is settled. */
  readonly deadLetter?: number;
  /** Names the stored message that was delivered: the same at every delivery of it, and no other's. */
  readonly messageKey: string;
  /** How the settler names this delivery to JetStream. It changes when the message is delivered again meanwhile. */
  ackSubject: AckSubject;
}

/** As text, or as the bytes that it came as. */
export type AckSubject = string | Uint8Array;
