import type { NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import { ackSubjectText } from "./parse_delivery.ts";

/** Payload of an ack. */
export const ACK = "+ACK";
const IN_PROGRESS = "+WPI";
/** Maximum wait for the confirmation of an ack, in milliseconds. It is longer than a change of the consumer's leader. */
const CONFIRM_MS = 10_000;

/** Acks a delivery that a command has moved: its event is stored for another function. */
export function ackMoved(nc: Pick<NatsConnection, "publish">, { ackSubject }: Delivery): void {
  nc.publish(ackSubjectText(ackSubject), ACK);
}

/** Acks a delivery as {@linkcode ackMoved} does. Resolves once the server has confirmed the ack. */
export function confirmMoved(nc: Pick<NatsConnection, "request">, { ackSubject }: Delivery): Promise<void> {
  return confirm(nc, ackSubject, CONFIRM_MS);
}

/** Acks a delivery. Resolves once the server has confirmed the ack. @param timeout In milliseconds. */
export async function confirm(
  nc: Pick<NatsConnection, "request">,
  ackSubject: Uint8Array,
  timeout: number,
): Promise<void> {
  await nc.request(ackSubjectText(ackSubject), ACK, { timeout });
}

/** Sends an in-progress ack, which starts the delivery's ack wait anew. */
export function extend(nc: Pick<NatsConnection, "publish">, ackSubject: string): void {
  nc.publish(ackSubject, IN_PROGRESS);
}
