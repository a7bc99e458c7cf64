import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { findConsumer, unlessMissing } from "./find.ts";
import { partitionConsumers } from "./partition_changes.ts";

/** Requests at once. A cluster may have many streams. */
const CONCURRENCY = 8;

/** Returns the names of the functions that ever ran in a namespace: each has a consumer on RETRIES. */
export async function functionNames(jsm: JetStreamManager, names: Namespace): Promise<string[]> {
  const listed = Array.fromAsync(jsm.consumers.list(names.retries.stream));
  const found = await unlessMissing(listed, JETSTREAM_CODES.streamNotFound) ?? [];
  return [...new Set(found.map(({ name }) => names.functionOf(name)))];
}

/** Returns the consumers of a function as {@linkcode functionConsumers} does, and then those of its partitions. */
export async function allConsumers(
  jsm: JetStreamManager,
  functionName: string,
  names: Namespace,
): Promise<ConsumerInfo[]> {
  const own = await functionConsumers(jsm, functionName, names);
  return [...own, ...await partitionConsumers(jsm, own[0], names)];
}

/**
 * Returns the consumers of a function on all streams, the one on RETRIES first. That consumer marks the others as
 * Weir's, so without it the list is empty.
 */
export async function functionConsumers(
  jsm: JetStreamManager,
  functionName: string,
  names: Namespace,
): Promise<ConsumerInfo[]> {
  const { stream } = names.retries, consumer = names.consumer(functionName);
  const retries = await findConsumer(jsm, stream, consumer);
  if (!retries) return [];
  const all = await Array.fromAsync(jsm.streams.names());
  const streams = all.filter((name) => name !== stream && !/^(KV|OBJ)_/.test(name)).sort();
  const found: (ConsumerInfo | undefined)[] = [];
  for (let at = 0; at < streams.length; at += CONCURRENCY) {
    const some = streams.slice(at, at + CONCURRENCY);
    found.push(...await Promise.all(some.map((stream) => findConsumer(jsm, stream, consumer))));
  }
  return [retries, ...found.filter((info) => info !== undefined && !info.config.deliver_subject)] as ConsumerInfo[];
}
