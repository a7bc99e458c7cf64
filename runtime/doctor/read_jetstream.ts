import type { JetStreamManager, MsgRequest } from "@nats-io/jetstream";
import { JETSTREAM_CODES } from "../nats/client/error_codes.ts";
import { isUnavailable } from "../nats/client/is_unavailable.ts";
import type { NatsConnection } from "@nats-io/transport-node";
import { isChunk } from "../nats/dead_letters/chunks.ts";
import { SubjectCounts } from "../nats/inspect/count_messages.ts";
import { delayedRetriesOf } from "../nats/retry/retry_stream.ts";
import { unlessMissing } from "../nats/topology/find.ts";
import { type Namespace, NO_NAMESPACE } from "../core/namespace.ts";
import type { Registry } from "../project/registry.ts";
import type { ClusterFacts, DeadLetterCounts } from "./facts.ts";

/**
 * Greatest number of requests that read reasons. They are sent one after the other: at 10 ms each, a hundred take a
 * second.
 */
const MAX_REQUESTS = 100;

/** Reads streams with all their consumers. The streams that cannot be read are listed beside the others. */
export async function readStreams(
  jsm: JetStreamManager,
  names: readonly string[],
): Promise<Pick<ClusterFacts, "streams" | "consumers" | "unreadable" | "unanswered">> {
  const all = await Promise.all(names.map(async (name) => {
    const unreadable: string[] = [], unanswered: string[] = [];
    const report = (what: string) => (error: Error) =>
      void (isUnavailable(error) ? unanswered : unreadable).push(`${what} ${name}: ${error.message}`);
    const found = unlessMissing(jsm.streams.info(name), JETSTREAM_CODES.streamNotFound);
    const stream = await found.catch(report("the stream"));
    const consumers = stream && await Array.fromAsync(jsm.consumers.list(name)).catch(report("the consumers of"));
    return { name, stream, consumers, unreadable, unanswered };
  }));
  const streams = new Map(all.flatMap(({ name, stream }) => stream ? [[name, stream] as const] : []));
  const consumers = all.flatMap(({ consumers }) => consumers ?? []);
  return {
    streams: all.some(({ stream, unreadable, unanswered }) => stream || unreadable.length + unanswered.length === 0)
      ? { value: streams }
      : { unknown: "no stream could be read" },
    consumers: all.some(({ unreadable, unanswered }) => unreadable.length + unanswered.length === 0)
      ? { value: consumers }
      : { unknown: "no consumers could be read" },
    unreadable: all.flatMap(({ unreadable }) => unreadable),
    unanswered: all.flatMap(({ unanswered }) => unanswered),
  };
}

/** Counts dead letters and reads the reasons of the oldest. It creates no consumer. */
export async function readDeadLetters(
  jsm: JetStreamManager,
  names: Namespace = NO_NAMESPACE,
): Promise<DeadLetterCounts> {
  const { stream, subjects: [subjects_filter] } = names.deadLetters;
  const none = { count: 0, oldestAt: undefined, read: 0, reasons: {} };
  const info = await unlessMissing(jsm.streams.info(stream), JETSTREAM_CODES.streamNotFound);
  if (!info || info.state.messages === 0) return none;
  const subjects = (await jsm.streams.info(stream, { subjects_filter })).state.subjects ?? {};
  const count = Object.entries(subjects).reduce(
    (sum, [subject, n]) => isChunk(names.typeOf(subject)) ? sum : sum + n,
    0,
  );
  const reasons: Record<string, number> = {};
  let oldestAt: string | undefined, read = 0;
  for (let seq = 1, requests = 0; requests < MAX_REQUESTS && read < count; requests++) {
    // The client's type lacks this option of the server.
    const request = { seq, next_by_subj: subjects_filter } as MsgRequest;
    const message = await jsm.streams.getMessage(stream, request);
    if (!message) break;
    seq = message.seq + 1;
    if (isChunk(names.typeOf(message.subject))) continue;
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
  names: Namespace = NO_NAMESPACE,
): Promise<ReadonlyMap<string, number>> {
  const counts = new SubjectCounts(nc, jsm, names.retries.stream, (name) => delayedRetriesOf(name, names));
  const functions = (project?.functions ?? []).map(({ name }) => name);
  return await unlessMissing(counts.of(functions), JETSTREAM_CODES.streamNotFound) ?? new Map();
}
