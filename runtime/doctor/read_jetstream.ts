import {
  type ConsumerInfo,
  JetStreamApiError,
  type JetStreamManager,
  type MsgRequest,
  type StreamInfo,
} from "@nats-io/jetstream";
import { JETSTREAM_CODES } from "../nats/client/error_codes.ts";
import type { NatsConnection } from "@nats-io/transport-node";
import { isChunk } from "../nats/dead_letters/chunks.ts";
import { DEAD_LETTERS } from "../nats/dead_letters/dead_letters.ts";
import { SubjectCounts } from "../nats/inspect/count_messages.ts";
import { delayedRetriesOf, RETRIES } from "../nats/retry/retry_stream.ts";
import { unlessMissing } from "../nats/topology/find.ts";
import type { Registry } from "../project/registry.ts";
import type { ClusterFacts, DeadLetterCounts } from "./facts.ts";

/**
 * Upper bound of the requests that read reasons. They are sent one after the other, so a hundred take a second even at
 * 10 ms each.
 */
const MAX_REQUESTS = 100;

/** Reads streams with all their consumers. The streams that cannot be read are listed beside the others. */
export async function readStreams(
  jsm: JetStreamManager,
  names: readonly string[],
): Promise<Pick<ClusterFacts, "streams" | "consumers" | "unreadable">> {
  const streams = new Map<string, StreamInfo>(), consumers: ConsumerInfo[] = [], unreadable: string[] = [];
  let streamsRead = 0, consumersRead = 0;
  await Promise.all(names.map(async (name) => {
    try {
      streams.set(name, await jsm.streams.info(name));
      streamsRead++;
    } catch (error) {
      const missing = error instanceof JetStreamApiError && error.code === JETSTREAM_CODES.streamNotFound;
      if (!missing) return void unreadable.push(`the stream ${name}: ${(error as Error).message}`);
      streamsRead++;
      return void consumersRead++;
    }
    try {
      for await (const consumer of jsm.consumers.list(name)) consumers.push(consumer);
      consumersRead++;
    } catch (error) {
      unreadable.push(`the consumers of ${name}: ${(error as Error).message}`);
    }
  }));
  // The replies come in any order; the report keeps the order of the names.
  const ordered = new Map(names.flatMap((name) => streams.has(name) ? [[name, streams.get(name)!] as const] : []));
  return {
    streams: streamsRead > 0 ? { value: ordered } : { unknown: "no stream could be read" },
    consumers: consumersRead > 0 ? { value: consumers } : { unknown: "no consumers could be read" },
    unreadable: unreadable.sort(),
  };
}

/** Counts dead letters and reads the reasons of the oldest. It creates no consumer. */
export async function readDeadLetters(jsm: JetStreamManager): Promise<DeadLetterCounts> {
  const { stream } = DEAD_LETTERS;
  const none = { count: 0, oldestAt: undefined, read: 0, reasons: {} };
  const info = await unlessMissing(jsm.streams.info(stream), JETSTREAM_CODES.streamNotFound);
  if (!info || info.state.messages === 0) return none;
  const subjects_filter = DEAD_LETTERS.subjects[0];
  const subjects = (await jsm.streams.info(stream, { subjects_filter })).state.subjects ?? {};
  const count = Object.entries(subjects).reduce((sum, [subject, n]) => isChunk(subject) ? sum : sum + n, 0);
  const reasons: Record<string, number> = {};
  let oldestAt: string | undefined, read = 0;
  for (let seq = 1, requests = 0; requests < MAX_REQUESTS && read < count; requests++) {
    // The client's type lacks this option of the server.
    const request = { seq, next_by_subj: subjects_filter } as MsgRequest;
    const message = await jsm.streams.getMessage(stream, request);
    if (!message) break;
    seq = message.seq + 1;
    if (isChunk(message.subject)) continue;
    const reason = message.header.get("weir-reason") || "without a reason";
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    oldestAt ??= message.header.get("weir-time") || message.time.toISOString();
    read++;
  }
  return { count, oldestAt, read, reasons };
}

export async function countDelayedRetries(
  nc: NatsConnection,
  jsm: JetStreamManager,
  project: Registry | undefined,
): Promise<ReadonlyMap<string, number>> {
  const counts = new SubjectCounts(nc, jsm, RETRIES.stream, delayedRetriesOf);
  const names = (project?.functions ?? []).map(({ name }) => name);
  return await unlessMissing(counts.of(names), JETSTREAM_CODES.streamNotFound) ?? new Map();
}
