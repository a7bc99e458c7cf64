import type { StoredMsg } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";
import type { Delivery, DeliveryHistory, MessageHeaders } from "../../core/delivery.ts";
import { entriesOf, RawHeaders, splitMessage } from "../client/raw_headers.ts";
import { HeaderList } from "../../core/headers.ts";
import { readRetryHeaders, RETRIES } from "../retry/retry_stream.ts";

/** Of an event that comes for the first time. */
export const FIRST: DeliveryHistory = { attempts: 0, excusedDeliveries: 0, redrives: 0 };

/**
 * Reads a message that a consumer delivered. Its place in the stream is in the reply subject:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, with `<domain>.<account>`
 * before the stream on servers that use the second form. Undefined when it is not such a message.
 */
export function toDelivery(msg: Msg): Delivery | undefined {
  const ackSubject = msg.reply;
  if (!ackSubject?.startsWith("$JS.ACK.")) return undefined;
  const tokens = findTokens(ackSubject);
  const at = tokens === 9 ? 2 : 4;
  if (tokens < at + 7) return undefined;
  const stream = token(ackSubject, at), sequence = token(ackSubject, at + 3), nanos = token(ackSubject, at + 5);
  const { headers, payload } = splitMessage(msg);
  const delivery: Delivery = {
    stream,
    sequence: Number(sequence),
    subject: msg.subject,
    deliveryCount: Number(token(ackSubject, at + 2)),
    storedAtMs: Math.floor(Number(nanos) / 1e6),
    payload,
    headers: new RawHeaders(headers),
    history: FIRST,
    messageKey: `${stream}.${sequence}.${nanos}`,
    ackSubject,
  };
  return stream === RETRIES.stream ? readRetryHeaders(delivery) : delivery;
}

/** Where each token of the subject that was last looked at begins. */
const begins: number[] = [];

/** Counts tokens and notes where they are: to split the subject of every event would cost 0.2 µs. */
function findTokens(subject: string): number {
  let count = 0;
  for (let at = 0; at >= 0; at = subject.indexOf(".", at) + 1 || -1) begins[count++] = at;
  begins[count] = subject.length + 1;
  return count;
}

function token(subject: string, index: number): string {
  return subject.slice(begins[index], begins[index + 1] - 1);
}

/**
 * A stored message as the delivery that a consumer would make of it; there is nothing to settle it by.
 *
 * @param subject the one it would be delivered on
 */
export function storedDelivery(stream: string, message: StoredMsg, subject: string = message.subject): Delivery {
  const { seq, header, data, timestamp } = message, nanos = nanosOf(timestamp);
  const delivery: Delivery = {
    stream,
    sequence: seq,
    subject,
    deliveryCount: 1,
    storedAtMs: Number(nanos / 1_000_000n),
    payload: data,
    headers: storedHeaders(header),
    history: FIRST,
    messageKey: `${stream}.${seq}.${nanos}`,
    ackSubject: "",
  };
  return stream === RETRIES.stream ? readRetryHeaders(delivery) : delivery;
}

/** Headers that the client has read. */
function storedHeaders(header: StoredMsg["header"]): MessageHeaders {
  return HeaderList.of(entriesOf(header));
}

/** RFC 3339 with up to nine digits after the second, as nanoseconds since 1970. */
function nanosOf(timestamp: string): bigint {
  const [, seconds, fraction = ""] = /^(.*:\d\d)(?:\.(\d+))?/.exec(timestamp)!;
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
