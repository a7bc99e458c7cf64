import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import type { Delivery, MessageHeaders } from "../nouns/delivery.ts";

const NO_HEADERS: MessageHeaders = { get: () => undefined, entries: () => [] };

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
  return {
    stream: tokens[at],
    sequence: Number(tokens[at + 3]),
    subject: msg.subject,
    deliveryCount: Number(tokens[at + 2]),
    storedAtMs: Math.floor(Number(tokens[at + 5]) / 1e6),
    payload: msg.data,
    headers: msg.headers ? new NatsHeaders(msg.headers) : NO_HEADERS,
    handle,
  };
}

/** Header names on NATS keep their case, and publishers do not agree on it: CloudEvents says to ignore it. */
class NatsHeaders implements MessageHeaders {
  constructor(readonly raw: MsgHdrs) {}

  get(name: string): string | undefined {
    const lower = name.toLowerCase();
    for (const [key, values] of this.raw) {
      if (key.toLowerCase() === lower) return values[0];
    }
    return undefined;
  }

  *entries(): Iterable<readonly [string, string]> {
    for (const [key, values] of this.raw) {
      for (const value of values) yield [key, value];
    }
  }
}
