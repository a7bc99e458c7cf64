import { type ConsumerInfo, JetStreamApiError, type JetStreamManager, type StreamInfo } from "@nats-io/jetstream";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { named } from "../client/is_unavailable.ts";

export function findStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  return unlessMissing(named(`stream ${name}`, jsm.streams.info(name)), JETSTREAM_CODES.streamNotFound);
}

/** Returns what is known of a consumer; undefined when it, or its stream, does not exist. */
export function findConsumer(
  jsm: Pick<JetStreamManager, "consumers">,
  stream: string,
  name: string,
): Promise<ConsumerInfo | undefined> {
  const info = named(`consumer ${name} on stream ${stream}`, jsm.consumers.info(stream, name));
  const found = unlessMissing(info, JETSTREAM_CODES.consumerNotFound);
  return unlessMissing(found, JETSTREAM_CODES.streamNotFound);
}

/** Resolves to undefined instead of rejecting with JetStream's error of this code. */
export async function unlessMissing<Value>(found: Promise<Value>, code: number): Promise<Value | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === code) return undefined;
    throw error;
  }
}
