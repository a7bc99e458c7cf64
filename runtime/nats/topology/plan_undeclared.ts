import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { serverTime } from "../client/server_time.ts";
import { SubjectCounts } from "../inspect/count_messages.ts";
import { delayedRetriesOf, RETRIES } from "../retry/retry_stream.ts";
import { filtersOf } from "./plan_consumer.ts";
import { bucketStream, type DesiredState, streamNames } from "./resources.ts";
import type { Backlog, Step } from "./step.ts";

/**
 * Milliseconds for which a consumer with unacked deliveries counts as pulled from. A busy process may not pull for a
 * while.
 */
const BUSY_MS = 60_000;

/**
 * Returns steps for what a cluster holds besides the desired state: consumers that functions left behind, and what
 * other programs own.
 *
 * Each function that Weir ever ran has a consumer on RETRIES. A consumer there without a function is an orphan, and so
 * are the pull consumers of the same name on other streams. Two projects on one cluster see each other's as orphans.
 *
 * @param functionNames The functions of the whole project, also those that this process does not run.
 */
export async function planUndeclared(
  nc: NatsConnection,
  jsm: JetStreamManager,
  desired: DesiredState,
  functionNames: readonly string[],
): Promise<Step[]> {
  const { durables } = desired;
  const names = (await Array.fromAsync(jsm.streams.names())).sort();
  const found: ConsumerInfo[] = [];
  for (const name of names) found.push(...await Array.fromAsync(jsm.consumers.list(name)));
  const weirNames = found.filter(({ stream_name }) => stream_name === RETRIES.stream).map(({ name }) => name);
  const orphans = weirNames.filter((name) => !functionNames.includes(name));
  const delayed = orphans.length === 0
    ? undefined
    : await new SubjectCounts(nc, jsm, RETRIES.stream, delayedRetriesOf).of(orphans);
  const pulled = new Set(found.filter(isPulled).map(({ name }) => name));
  const steps = found.flatMap((info): Step[] => {
    const { name, stream_name: stream, config } = info, target = { what: "consumer", name, stream } as const;
    const filters = filtersOf(config);
    if (durables.some((one) => one.functionName === name && one.stream === stream)) return [];
    if (orphans.includes(name) && !config.deliver_subject) {
      const backlog = backlogOf(info, stream === RETRIES.stream ? delayed?.get(name) : 0);
      return [{ ...target, kind: "orphan", filters, backlog, inUse: pulled.has(name) }];
    }
    const runsHere = durables.some(({ functionName }) => functionName === name);
    if (runsHere && weirNames.includes(name) && !config.deliver_subject) {
      return [{ ...target, kind: "moved", filters, backlog: backlogOf(info), inUse: isPulled(info) }];
    }
    return functionNames.includes(name) ? [] : [{ ...target, kind: "foreign" }];
  });
  const own = [...streamNames(desired), ...desired.foreign.map(({ name }) => name)];
  // The bucket of a feature that the project no longer uses is still Weir's.
  const foreign = names.filter((name) => !own.includes(name) && !name.startsWith(bucketStream("weir_")));
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
