import type { Msg } from "@nats-io/transport-node";
import type { Delivery, MessageHeaders } from "../../core/delivery.ts";
import { FIRST, toDelivery } from "./delivery.ts";
import { bytesOf, RawHeaders, splitMessage } from "../client/raw_headers.ts";
import { readRetryHeaders, RETRIES } from "../retry/retry_stream.ts";

const UTF8 = new TextEncoder(), TEXT_OF = new TextDecoder();
const DOT = 0x2e, ZERO = 0x30;
/** Digits of a time in nanoseconds that are less than a millisecond. */
const BELOW_MS = 6;

/**
 * Reads the deliveries of one consumer. What names them is read from bytes, of which most of each is known: as text it
 * would take 0.6 µs an event to decode, to part and, for its answer, to encode again.
 */
export class DeliveryReader {
  readonly #prefix: Uint8Array;
  #subject = "";
  #subjectBytes: Uint8Array = new Uint8Array();

  constructor(readonly stream: string, consumer: string) {
    this.#prefix = UTF8.encode(`$JS.ACK.${stream}.${consumer}.`);
  }

  /** Undefined for what is no delivery. */
  read(msg: Msg): Delivery | undefined {
    const { reply, subject } = bytesOf(msg), from = this.#prefix.length;
    if (!reply || !startsWith(reply, this.#prefix)) return toDelivery(msg); // a server that names them in another form
    const sequenceAt = reply.indexOf(DOT, from) + 1, afterSequence = reply.indexOf(DOT, sequenceAt);
    const nanosAt = reply.indexOf(DOT, afterSequence + 1) + 1, afterNanos = reply.indexOf(DOT, nanosAt);
    const { headers, payload } = splitMessage(msg);
    const delivery = new ReadDelivery(
      this.stream,
      numberIn(reply, sequenceAt, afterSequence),
      this.#textOf(subject),
      numberIn(reply, from, sequenceAt - 1),
      numberIn(reply, nanosAt, afterNanos - BELOW_MS),
      payload,
      new RawHeaders(headers),
      reply,
      reply.subarray(nanosAt, afterNanos),
    );
    return this.stream === RETRIES.stream ? readRetryHeaders(delivery) : delivery;
  }

  /** Most deliveries have the subject of the one before. */
  #textOf(subject: Uint8Array): string {
    const last = this.#subjectBytes;
    if (subject.length !== last.length || !startsWith(subject, last)) {
      // A part, which `slice` of the client's `Buffer` is as well, would hold all that came with it.
      this.#subjectBytes = new Uint8Array(subject);
      this.#subject = TEXT_OF.decode(subject);
    }
    return this.#subject;
  }
}

class ReadDelivery implements Delivery {
  readonly history = FIRST;
  readonly #nanos: Uint8Array;
  #place: string | undefined;

  constructor(
    readonly stream: string,
    readonly sequence: number,
    readonly subject: string,
    readonly deliveryCount: number,
    readonly storedAtMs: number,
    readonly payload: Uint8Array,
    readonly headers: MessageHeaders,
    public ackSubject: Uint8Array,
    nanos: Uint8Array,
  ) {
    this.#nanos = nanos;
  }

  /** Asked for where something is remembered of it: of what outlasts its turn, several times. */
  get messageKey(): string {
    return this.#place ??= `${this.stream}.${this.sequence}.${TEXT_OF.decode(this.#nanos)}`;
  }
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

function numberIn(bytes: Uint8Array, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) number = number * 10 + bytes[i] - ZERO;
  return number;
}
