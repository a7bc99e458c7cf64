import type { Msg } from "@nats-io/transport-node";
import type { Delivery } from "../nouns/delivery.ts";
import { headerText, RawHeaders } from "./raw_headers.ts";
import { fromLane, RETRIES } from "./retry_lane.ts";

const FIRST = { attempts: 0, freeRetries: 0, redrives: 0 };

/**
 * Reads a message that a consumer delivered. Its place in the stream is in the reply subject:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, with `<domain>.<account>`
 * before the stream on servers that use the second form. Undefined when it is not such a message.
 */
export function toDelivery(msg: Msg): Delivery | undefined {
  const handle = msg.reply;
  if (!handle?.startsWith("$JS.ACK.")) return undefined;
  const tokens = handle.split(".");
  const at = tokens.length === 9 ? 2 : 4;
  if (tokens.length < at + 7) return undefined;
  const stream = tokens[at], sequence = tokens[at + 3], nanos = tokens[at + 5];
  const delivery: Delivery = {
    stream,
    sequence: Number(sequence),
    subject: msg.subject,
    deliveryCount: Number(tokens[at + 2]),
    storedAtMs: Math.floor(Number(nanos) / 1e6),
    payload: msg.data,
    headers: new RawHeaders(headerText(msg)),
    earlier: FIRST,
    place: `${stream}.${sequence}.${nanos}`,
    handle,
  };
  return stream === RETRIES.stream ? fromLane(delivery) : delivery;
}
