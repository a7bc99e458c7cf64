import type { Msg } from "@nats-io/transport-node";
import { decode } from "../../core/cloudevent.ts";
import type { WeirEvent } from "../../core/event.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { splitMessage } from "../client/internals.ts";
import { RawHeaders } from "../client/message_headers.ts";

/** An event as its publisher sent it, and the parts of its message. */
export interface PublishedEvent {
  /** No consumer delivers it, so its sequence is 0 and its stream empty. */
  readonly event: WeirEvent;
  readonly headers: RawHeaders;
  readonly payload: Uint8Array;
}

/**
 * Decodes a message that a plain subscription received.
 *
 * @param nowMs Milliseconds since 1970, for an event without a time.
 * @param names The names in NATS. Default: without a namespace.
 */
export function decodePublished(msg: Msg, nowMs: number, names: Namespace = NO_NAMESPACE): PublishedEvent {
  const subject = names.typeOfPublished(msg.subject);
  const { headers: text, payload } = splitMessage(msg), headers = new RawHeaders(text);
  const { event } = decode({
    stream: "",
    sequence: 0,
    subject,
    deliveryCount: 1,
    storedAtMs: nowMs,
    payload,
    headers,
    history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
    messageKey: "",
    ackSubject: new Uint8Array(),
  });
  return { event, headers, payload };
}
