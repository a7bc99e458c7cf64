import type { NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import { jetstreamManagerOn } from "../client/subject_prefixes.ts";
import { type DeliveryParser, storedDelivery } from "./parse_delivery.ts";

/**
 * Returns whether the server may have left out the payload. A consumer that is set to `headers_only` delivers only the
 * headers, with the size of the payload in `Nats-Msg-Size`. A publisher may have written that header too. Reading the
 * message from its stream then gives the same delivery.
 */
export function isWithheld({ payload, headers }: Delivery): boolean {
  return payload.length === 0 && Number(headers.get("nats-msg-size")) > 0;
}

/** Reads the message of a delivery from its stream. Resolves to undefined if it is gone, or cannot be read. */
export async function readWithheld(
  nc: NatsConnection,
  { stream, names }: Pick<DeliveryParser, "stream" | "names">,
  { messageKey, deliveryCount, ackSubject }: Delivery,
): Promise<Delivery | undefined> {
  try {
    const jsm = await jetstreamManagerOn(nc);
    const message = await jsm.streams.getMessage(stream, { seq: Number(messageKey.split(".")[1]) });
    return message
      ? { ...storedDelivery(stream, message, message.subject, names), deliveryCount, ackSubject }
      : undefined;
  } catch {
    return undefined;
  }
}
