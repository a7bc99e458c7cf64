import type { JetStreamManager } from "@nats-io/jetstream";
import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { isUnavailable } from "../client/is_unavailable.ts";
import { type Refusal, refusalError, unanswered } from "./publish_error.ts";

/** Maximum wait for the answer to a batch, in milliseconds. */
const COMMIT_MS = 5_000;

/** A message of an atomic batch. */
export interface BatchMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
}

/** Enables atomic batches on a stream. */
export async function enableBatches(jsm: JetStreamManager, stream: string): Promise<void> {
  const { config } = await jsm.streams.info(stream);
  if (!config.allow_atomic) await jsm.streams.update(stream, { allow_atomic: true });
}

/**
 * Stores messages in one stream: all or none. Changes their headers.
 *
 * @param messages From one to 1,000.
 * @returns The sequence of the last message.
 * @throws {PublishError} `unavailable` when it is not known whether they were stored; with another code none was.
 */
export async function publishBatch(
  nc: NatsConnection,
  stream: string,
  messages: readonly BatchMessage[],
): Promise<number> {
  const id = crypto.randomUUID(), { subject, payload, headers } = messages.at(-1)!;
  for (const [at, { headers }] of messages.entries()) {
    headers.set("Nats-Batch-Id", id);
    headers.set("Nats-Batch-Sequence", String(at + 1));
  }
  headers.set("Nats-Batch-Commit", "1");
  try {
    for (const message of messages.slice(0, -1)) {
      nc.publish(message.subject, message.payload, { headers: message.headers });
    }
    const reply = await nc.request(subject, payload, { headers, timeout: COMMIT_MS });
    const { seq, error } = reply.json<{ seq?: number; error?: Refusal }>();
    if (error) throw refusalError(subject, stream, error) ?? unanswered(subject, error.description, 1);
    return seq!;
  } catch (error) {
    throw isUnavailable(error) ? unanswered(subject, error.message, 1, { cause: error }) : error;
  }
}
