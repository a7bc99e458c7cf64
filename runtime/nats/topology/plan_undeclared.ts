import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { NO_NAMESPACE, partitionIn } from "../../core/namespace.ts";
import { serverTime } from "../client/server_time.ts";
import { SubjectCounts } from "../inspect/count_messages.ts";
import { delayedRetriesOf } from "../retry/retry_stream.ts";
import { isForeign, isMarked } from "./owner.ts";
import { filtersOf } from "./plan_consumer.ts";
import { bucketStream, type DesiredState, streamNames } from "./resources.ts";
import type { Backlog, Step } from "./step.ts";

/**
 * Milliseconds for which a consumer with unacked deliveries counts as pulled from. A busy process may not pull for a
 * while.
 */
const BUSY_MS = 60_000;

/**
 * Returns steps for what a cluster holds besides the desired state: consumers that functions left behind, and consumers
 * and streams of other programs.
 *
 * Each function that Weir ever ran has a consumer on RETRIES. A consumer there without a function is an orphan, and so
 * are the pull consumers of the same name on other streams. A consumer with the mark of another project is not an
 * orphan but foreign.
 *
 * @param functionNames The functions of the whole project, also those that this process does not run.
 */
export async function planUndeclared(
  nc: NatsConnection,
  jsm: JetStreamManager,
  desired: DesiredState,
  functionNames: readonly string[],
): Promise<Step[]> {
  const { durables, names = NO_NAMESPACE } = desired, retries = names.retries.stream;
  const streams = (await Array.fromAsync(jsm.streams.names())).sort();
  const found: ConsumerInfo[] = [];
  for (const stream of streams.filter((name) => names.includes(name))) {
    found.push(...await Array.fromAsync(jsm.consumers.list(stream)));
  }
  const own = functionNames.map((name) => names.consumer(name));
  // Of a function that this process does not run, the number of partitions is not known here.
  const isMine = (consumer: string) => {
    const name = names.functionOf(consumer), isOfPartition = partitionIn(consumer) !== undefined;
    return isOfPartition
      ? own.includes(names.consumer(name)) && !durables.some(({ functionName }) => functionName === name)
      : own.includes(consumer);
  };
  const weirNames = found.filter(({ stream_name, config }) =>
    stream_name === retries && !isForeign(config.metadata, names)
  ).map(({ name }) => name);
  const orphans = weirNames.filter((name) => !isMine(name));
  const counts = new SubjectCounts(nc, jsm, retries, (name) => delayedRetriesOf(names.functionOf(name), names));
  const delayed = orphans.length === 0 ? undefined : await counts.of(orphans);
  const pulled = new Set(found.filter(isPulled).map(({ name }) => name));
  const steps = found.flatMap((info): Step[] => {
    const { name, stream_name: stream, config } = info, target = { what: "consumer", name, stream } as const;
    const filters = filtersOf(config);
    if (durables.some((one) => one.consumer === name && one.stream === stream)) return [];
    if (isForeign(config.metadata, names)) return [{ ...target, kind: "foreign" }];
    // A consumer without a mark was made by an earlier release of Weir, for this project or for another.
    const unmarked = names.project !== undefined && !isMarked(config.metadata);
    if (orphans.includes(name) && !config.deliver_subject) {
      const backlog = backlogOf(info, stream === retries ? delayed?.get(name) : 0);
      return [{ ...target, kind: "orphan", filters, backlog, inUse: pulled.has(name), ...(unmarked && { unmarked }) }];
    }
    const runsHere = durables.some(({ consumer }) => consumer === name);
    if (runsHere && weirNames.includes(name) && !config.deliver_subject) {
      return [{ ...target, kind: "moved", filters, backlog: backlogOf(info), inUse: isPulled(info) }];
    }
    return isMine(name) ? [] : [{ ...target, kind: "foreign" }];
  });
  const declared = [...streamNames(desired), ...desired.foreign.map(({ name }) => name)];
  // The bucket of a feature that the project no longer uses is still Weir's.
  const ownBuckets = bucketStream(names.bucket("weir_"));
  const foreign = streams.filter((name) => !declared.includes(name) && !name.startsWith(ownBuckets));
  return [...steps, ...foreign.map((name): Step => ({ what: "stream", name, kind: "foreign" }))];
}

/** Returns whether a process pulls from a consumer, or has unacked deliveries of the last minute. */
export function isPulled({ num_waiting, num_ack_pending, delivered, push_bound, ...info }: ConsumerInfo): boolean {
  if (num_waiting > 0 || push_bound) return true;
  const lastMs = Date.parse(String(delivered.last_active ?? "")) || 0; // a string, against the client's type
  return num_ack_pending > 0 && serverTime(info) - lastMs < BUSY_MS;
}

function backlogOf({ num_pending, num_ack_pending }: ConsumerInfo, delayedRetries = 0): Backlog {
  return { pending: num_pending, unsettled: num_ack_pending, delayedRetries };
}
