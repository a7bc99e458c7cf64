import type { StoredMsg } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";
import type { Delivery, DeliveryHistory, MessageHeaders } from "../../core/delivery.ts";
import { type Namespace, NO_NAMESPACE, partitionIn } from "../../core/namespace.ts";
import { HeaderList } from "../../core/headers.ts";
import { addressOf, splitMessage } from "../client/internals.ts";
import { entriesOf, RawHeaders } from "../client/message_headers.ts";
import { originalDelivery } from "../retry/original_delivery.ts";

const ENCODER = new TextEncoder(), DECODER = new TextDecoder();
const ACK = ENCODER.encode("$JS.ACK."), DOT = 0x2e, ZERO = 0x30;
/** The history of an event straight from its stream. */
const FIRST: DeliveryHistory = { attempts: 0, excusedDeliveries: 0, redrives: 0 };
/** Number of digits in nanoseconds that are below a millisecond. */
const DIGITS_BELOW_MS = 6;

/**
 * Parses the deliveries of one consumer. Hot path: stream and consumer are known, so their names are compared as bytes
 * and only the numbers of the ack subject are parsed, see bench.
 */
export class DeliveryParser {
  /** The bytes before the numbers in the ack subject of the last delivery. */
  #prefix: Uint8Array;
  #subject = "";
  #subjectBytes: Uint8Array = new Uint8Array();
  readonly #isOriginal: boolean;
  readonly #partition: number | undefined;

  /** @param names The names in NATS. Default: without a namespace. */
  constructor(readonly stream: string, consumer: string, readonly names: Namespace = NO_NAMESPACE) {
    this.#prefix = ENCODER.encode(`$JS.ACK.${stream}.${consumer}.`);
    this.#isOriginal = !names.isWayBack(stream);
    this.#partition = partitionIn(consumer);
  }

  /** Returns the delivery in a message. Undefined for a message that is not a delivery. */
  parse(msg: Msg): Delivery | undefined {
    const { reply, subject } = addressOf(msg);
    if (!reply) return undefined;
    const from = startsWith(reply, this.#prefix) ? this.#prefix.length : numbersAt(reply);
    if (from < 0) return undefined;
    if (from !== this.#prefix.length) this.#prefix = new Uint8Array(reply.subarray(0, from));
    const sequenceAt = nextDot(reply, from) + 1, afterSequence = nextDot(reply, sequenceAt);
    const nanosAt = nextDot(reply, afterSequence + 1) + 1, afterNanos = nextDot(reply, nanosAt);
    const { headers, payload } = splitMessage(msg);
    const delivery = new ParsedDelivery(
      this.stream,
      numberIn(reply, sequenceAt, afterSequence),
      this.#textOf(subject),
      numberIn(reply, from, sequenceAt - 1),
      numberIn(reply, nanosAt, afterNanos - DIGITS_BELOW_MS),
      payload,
      new RawHeaders(headers),
      reply,
    );
    return this.#isOriginal ? delivery : originalDelivery(delivery, this.#partition);
  }

  /** Returns a subject as text. Hot path: most deliveries have the same subject as the delivery before. */
  #textOf(subject: Uint8Array): string {
    const last = this.#subjectBytes;
    if (subject.length !== last.length || !startsWith(subject, last)) {
      this.#subjectBytes = new Uint8Array(subject); // a view would keep the whole read buffer
      this.#subject = this.names.typeOf(DECODER.decode(subject), this.stream);
    }
    return this.#subject;
  }
}

class ParsedDelivery implements Delivery {
  readonly history = FIRST;
  /** The ack subject of this delivery. The message may get that of a later one. */
  readonly #ownSubject: Uint8Array;
  #messageKey: string | undefined;

  constructor(
    readonly stream: string,
    readonly sequence: number,
    readonly subject: string,
    readonly deliveryCount: number,
    readonly storedAtMs: number,
    readonly payload: Uint8Array,
    readonly headers: MessageHeaders,
    public ackSubject: Uint8Array,
  ) {
    this.#ownSubject = ackSubject;
  }

  /** Key of the stored message, built when it is first read: a delivery that settles at once needs none. */
  get messageKey(): string {
    return this.#messageKey ??= `${this.stream}.${this.sequence}.${numbersIn(this.#ownSubject)[3]}`;
  }
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

/** Returns the offset of the next dot. Hot path: a loop over the digits is cheaper than `indexOf`, see bench. */
function nextDot(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== DOT) at++;
  return at;
}

function numberIn(bytes: Uint8Array, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) number = number * 10 + bytes[i] - ZERO;
  return number;
}

/**
 * Returns where the numbers of an ack subject begin, in either form:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, or with `<domain>.<account>`
 * before the stream. Returns -1 for any other subject.
 */
function numbersAt(subject: Uint8Array): number {
  let dots = 0, fourth = -1, sixth = -1;
  for (let at = nextDot(subject, 0); at < subject.length; at = nextDot(subject, at + 1)) {
    dots++;
    if (dots === 4) fourth = at;
    if (dots === 6) sixth = at;
  }
  if (!startsWith(subject, ACK) || dots !== 8 && dots < 10) return -1;
  return (dots === 8 ? fourth : sixth) + 1;
}

/**
 * Returns a stored message as the delivery that a consumer would make of it. This delivery cannot be settled.
 *
 * @param subject Subject of the delivery. Default: the message's own.
 * @param names The names in NATS. Default: without a namespace.
 */
export function storedDelivery(
  stream: string,
  message: StoredMsg,
  subject: string = message.subject,
  names: Namespace = NO_NAMESPACE,
): Delivery {
  const { seq, header, data, timestamp } = message, nanos = nanosOf(timestamp);
  const delivery: Delivery = {
    stream,
    sequence: seq,
    subject: names.typeOf(subject, stream),
    deliveryCount: 1,
    storedAtMs: Number(nanos / 1_000_000n),
    payload: data,
    headers: new HeaderList(entriesOf(header)),
    history: FIRST,
    messageKey: `${stream}.${seq}.${nanos}`,
    ackSubject: new Uint8Array(),
  };
  return names.isWayBack(stream) ? originalDelivery(delivery) : delivery;
}

/** Parses RFC 3339 with up to nine digits after the second, to nanoseconds since 1970. */
function nanosOf(timestamp: string): bigint {
  const [, seconds, fraction = ""] = /^(.*:\d\d)(?:\.(\d+))?/.exec(timestamp)!;
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** Returns the number of messages that the consumer had left after a delivery. Hot path: read before each pull. */
export function pendingIn(ackSubject: Uint8Array): number {
  let at = numbersAt(ackSubject);
  for (let number = 0; number < 4; number++) at = nextDot(ackSubject, at) + 1;
  return numberIn(ackSubject, at, nextDot(ackSubject, at));
}

/** Returns the numbers of an ack subject as text: deliveries, stream sequence, consumer sequence, time and pending. */
function numbersIn(ackSubject: Uint8Array): string[] {
  return ackSubjectText(ackSubject.subarray(numbersAt(ackSubject))).split(".");
}

/** Returns the position of a delivery among all that its consumer made, from 1. */
export function consumerSequenceIn(ackSubject: Uint8Array): number {
  return Number(numbersIn(ackSubject)[2]);
}

/**
 * Returns whether a stream was created again since it stored the message that an ack subject is for: another message may
 * be at its position now.
 *
 * @param createdMs Returns when a stream was created; NaN if unknown. Default: unknown.
 */
export function isReplaced(ackSubject: Uint8Array, createdMs: (stream: string) => number = () => NaN): boolean {
  return Number(numbersIn(ackSubject)[3]) / 1e6 < createdMs(consumerIn(ackSubject)[0]);
}

/** Returns the consumer that an ack subject is for. */
export function consumerIn(ackSubject: Uint8Array): [stream: string, consumer: string] {
  const [stream, consumer] = ackSubjectText(ackSubject.subarray(0, numbersAt(ackSubject) - 1)).split(".").slice(-2);
  return [stream, consumer];
}

export function ackSubjectText(ackSubject: Uint8Array): string {
  return DECODER.decode(ackSubject);
}
