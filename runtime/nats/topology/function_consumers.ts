import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { RETRIES } from "../retry/retry_stream.ts";
import { findConsumer, unlessMissing } from "./find.ts";

/** Requests at once. A cluster may have many streams. */
const CONCURRENCY = 8;

/** Returns the names of the functions that ever ran on a cluster: each has a consumer on RETRIES. */
export async function functionNames(jsm: JetStreamManager): Promise<string[]> {
  const listed = Array.fromAsync(jsm.consumers.list(RETRIES.stream));
  return (await unlessMissing(listed, JETSTREAM_CODES.streamNotFound) ?? []).map(({ name }) => name);
}

/**
 * Returns the consumers of a function on all streams, that on RETRIES first. Empty if it has none there, which marks
 * the others as Weir's.
 */
export async function functionConsumers(jsm: JetStreamManager, functionName: string): Promise<ConsumerInfo[]> {
  const retries = await findConsumer(jsm, RETRIES.stream, functionName);
  if (!retries) return [];
  const names = await Array.fromAsync(jsm.streams.names());
  const streams = names.filter((name) => name !== RETRIES.stream && !/^(KV|OBJ)_/.test(name)).sort();
  const found: (ConsumerInfo | undefined)[] = [];
  for (let at = 0; at < streams.length; at += CONCURRENCY) {
    const some = streams.slice(at, at + CONCURRENCY);
    found.push(...await Promise.all(some.map((stream) => findConsumer(jsm, stream, functionName))));
  }
  return [retries, ...found.filter((info) => info !== undefined && !info.config.deliver_subject)] as ConsumerInfo[];
}
