import type { Delivery, MessageHeaders } from "../../core/delivery.ts";
import { HeaderList } from "../../core/headers.ts";
import { originalPayload } from "./fit_payload.ts";
import { hasId, historyIn } from "./retry_headers.ts";

/** Header of an event in a partition: the subject on which the message that it was assigned from is acked. */
export const SOURCE_ACK = "weir-source-ack";

/**
 * Returns a delivery of the retry stream in the form of the original delivery: with the event's own stream, sequence,
 * subject, age, headers and payload, and with the attempts that it has used.
 *
 * @param partition The partition whose consumer delivered it. Default: that of the whole function did.
 */
export function originalDelivery(delivery: Delivery, partition?: number): Delivery {
  const number = (name: string) => Number(delivery.headers.get(name) ?? 0);
  const sourceAck = partition === undefined ? undefined : delivery.headers.get(SOURCE_ACK);
  const deadLetterSequence = number("weir-dead-letter") || undefined;
  const own = originalHeaders(delivery.headers), history = historyIn(delivery.headers);
  // A delayed event was in no other stream yet.
  const stream = delivery.headers.get("weir-stream") ?? delivery.stream;
  const sequence = number("weir-sequence") || (history.isDelayedEvent ? delivery.sequence : 0);
  const storedAtMs = Date.parse(delivery.headers.get("weir-time") ?? "") || delivery.storedAtMs;
  return {
    ...delivery,
    messageKey: delivery.messageKey, // a getter of `ParsedDelivery`, which the spread does not copy
    headers: own,
    payload: originalPayload(delivery),
    stream,
    sequence,
    subject: delivery.headers.get("weir-subject") ??
      delivery.subject.split(".").slice(deadLetterSequence === undefined ? 3 : 4).join("."),
    storedAtMs,
    // Earlier releases wrote no key of the original.
    history: {
      ...history,
      originKey: history.originKey ?? (hasId(own) ? undefined : `${stream}.${sequence}.${storedAtMs}`),
    },
    deadLetterSequence,
    ...(partition !== undefined && { partition }),
    ...(sourceAck !== undefined && { sourceAck: new TextEncoder().encode(sourceAck) }),
  };
}

/** Returns the headers of the original event. The retry has a `Nats-Msg-Id` of its own, which is left out. */
function originalHeaders(headers: MessageHeaders): MessageHeaders {
  const own = [...headers.entries()].filter(([name]) => name.toLowerCase() !== "nats-msg-id");
  return new HeaderList(own.map(([name, value]) => [name.toLowerCase() === "weir-id" ? "nats-msg-id" : name, value]));
}
