import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { ATTEMPTS, INBOX, streamOf } from "../kv/buckets.ts";
import { DEAD_LETTERS } from "../dead_letters/dead_letters.ts";
import type { Backlog, Step } from "./step.ts";
import type { DesiredState } from "./plan_topology.ts";
import { RETRIES } from "../retry/retry_stream.ts";
import { SubjectCounts } from "../inspect/subject_counts.ts";

/** A process that pulled so lately may only be too busy to pull at this moment. */
const LATELY_MS = 60_000;

/**
 * What a cluster holds besides what is wanted: consumers that Weir has made and the project has no use for, and what
 * is somebody else's.
 *
 * Every function that Weir has ever run has a consumer on RETRIES: one of another name is an orphan, and so are the
 * pull consumers of that name on any stream. (Where two projects share a cluster, each looks like that to the other.)
 *
 * @param functionNames of the whole project, whatever of it this process runs
 */
export async function planOthers(
  nc: NatsConnection,
  jsm: JetStreamManager,
  { streams, durables }: DesiredState,
  functionNames: readonly string[],
): Promise<Step[]> {
  const mine = [
    ...streams.map(({ name }) => name),
    ...[RETRIES, DEAD_LETTERS].map(({ stream }) => stream),
    ...[ATTEMPTS, INBOX].map(({ name }) => streamOf(name)),
  ];
  const names = (await Array.fromAsync(jsm.streams.names())).sort();
  const found: ConsumerInfo[] = [];
  for (const name of names) found.push(...await Array.fromAsync(jsm.consumers.list(name)));
  const onRetries = found.filter(({ stream_name }) => stream_name === RETRIES.stream).map(({ name }) => name);
  const gone = onRetries.filter((name) => !functionNames.includes(name));
  const delayedRetries = gone.length === 0
    ? undefined
    : await new SubjectCounts(nc, jsm, RETRIES.stream, RETRIES.delayed).of(gone);
  const busy = new Set(found.filter(isPulled).map(({ name }) => name));
  const steps = found.flatMap((info): Step[] => {
    const { name, stream_name: stream, config } = info, target = { what: "consumer", name, stream } as const;
    if (durables.some((one) => one.functionName === name && one.stream === stream)) return [];
    if (gone.includes(name) && !config.deliver_subject) {
      const backlog = backlogOf(info, stream === RETRIES.stream ? delayedRetries?.get(name) : 0);
      return [{ ...target, kind: "orphan", backlog, inUse: busy.has(name) }];
    }
    const runsHere = durables.some(({ functionName }) => functionName === name);
    if (runsHere && onRetries.includes(name) && !config.deliver_subject) {
      return [{ ...target, kind: "moved", backlog: backlogOf(info), inUse: isPulled(info) }];
    }
    return functionNames.includes(name) ? [] : [{ ...target, kind: "foreign" }];
  });
  const foreign = names.filter((name) => !mine.includes(name));
  return [...steps, ...foreign.map((name): Step => ({ what: "stream", name, kind: "foreign" }))];
}

/** Whether some process pulls on it, or holds what it was handed until just now. */
export function isPulled({ num_waiting, num_ack_pending, delivered, push_bound, ...info }: ConsumerInfo): boolean {
  if (num_waiting > 0 || push_bound) return true;
  const nowMs = Date.parse((info as { ts?: string }).ts ?? "") || Date.now();
  const lastMs = Date.parse(String(delivered.last_active ?? "")) || 0; // the server says it as text
  return num_ack_pending > 0 && nowMs - lastMs < LATELY_MS;
}

function backlogOf({ num_pending, num_ack_pending }: ConsumerInfo, delayedRetries = 0): Backlog {
  return { pending: num_pending, unsettled: num_ack_pending, delayedRetries };
}
