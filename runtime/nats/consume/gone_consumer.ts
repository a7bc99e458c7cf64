import type { JetStreamManager } from "@nats-io/jetstream";
import { isUnavailable } from "../client/is_unavailable.ts";
import { findConsumer } from "../topology/find.ts";
import { consumerIn } from "./parse_delivery.ts";

/** Reads what is known of a consumer. */
export type ConsumerReader = Pick<JetStreamManager, "consumers">;

/**
 * Throws the error of an ack, unless its consumer is gone, or the stream: the message is delivered no more, and nothing
 * confirms an ack.
 */
export async function unlessGone(jsm: ConsumerReader, ackSubject: Uint8Array, error: unknown): Promise<void> {
  if (!isUnavailable(error) || await findConsumer(jsm, ...consumerIn(ackSubject))) throw error;
}
