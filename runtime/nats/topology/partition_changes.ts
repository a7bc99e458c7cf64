import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { findConsumer } from "./find.ts";
import { type PartitionBacklog, readPartitionBacklogs } from "./partition_backlog.ts";
import { isPulled } from "./plan_undeclared.ts";
import type { Durable } from "./resources.ts";
import type { Scope } from "./step.ts";

/** Key in the metadata of a function's own consumers: the number of its partitions. */
const KEY = "weir-partitions";

/** A change of the number of a function's partitions; 0 for none. */
interface PartitionChange {
  readonly from: number;
  readonly to: number;
  /** Events that wait in the partitions. */
  readonly waiting: number;
  /** Whether a process pulls from a consumer of the function. */
  readonly isPulled: boolean;
  /**
   * The partitions among those with waiting events that the declared number leaves out, so that no process of this
   * release receives their events. Default: none.
   */
  readonly stranded?: readonly number[];
}

/** Returns the number of partitions that the metadata of a function's own consumer record; 0 for none. */
export function partitionsIn(metadata: Readonly<Record<string, string>> | undefined): number {
  return Number(metadata?.[KEY] ?? 0);
}

/**
 * Returns the metadata of a function's own consumer with the number of its partitions.
 *
 * @param metadata The desired metadata otherwise. Default: they stay as they are.
 * @param found Those of the consumer. Default: it does not exist.
 */
export function withPartitions(
  { partition, partitions = 0 }: Durable,
  metadata: Record<string, string> | undefined,
  found: Readonly<Record<string, string>> | undefined,
): Record<string, string> | undefined {
  if (partition !== undefined || partitions === partitionsIn(found)) return metadata;
  return { ...metadata ?? found, [KEY]: String(partitions) };
}

/** Returns the existing consumers of a function's partitions. @param own One of the function's own consumers. */
export async function partitionConsumers(
  jsm: JetStreamManager,
  own: Pick<ConsumerInfo, "name" | "config"> | undefined,
  names: Namespace,
): Promise<ConsumerInfo[]> {
  if (!own) return [];
  const name = names.functionOf(own.name), streams = [names.partitions.stream, names.retries.stream];
  const consumers = Array.from({ length: partitionsIn(own.config.metadata) }, (_, i) => names.consumer(name, i));
  const found = await Promise.all(
    consumers.flatMap((consumer) => streams.map((stream) => findConsumer(jsm, stream, consumer))),
  );
  return found.filter((info) => info !== undefined);
}

/** Returns the number of events that wait in the partitions of a function, or run there. */
export function waitingIn(consumers: readonly ConsumerInfo[]): number {
  return consumers.reduce((sum, { num_pending, num_ack_pending }) => sum + num_pending + num_ack_pending, 0);
}

/**
 * Returns the scope for a consumer. `apply` takes no filter of another number from a partition's while events wait for
 * it: if two releases started at the same moment, nothing else would deliver them.
 */
export function scopeFor(scope: Scope, { partition }: Durable, consumer: ConsumerInfo): Scope {
  return scope === "apply" && partition !== undefined && waitingIn([consumer]) > 0 ? "start" : scope;
}

/** Reads by function how the number of its partitions changes. Functions whose number stays are left out. */
export async function readPartitionChanges(
  jsm: JetStreamManager,
  consumers: ReadonlyMap<Durable, ConsumerInfo | undefined>,
  names: Namespace,
): Promise<Map<string, PartitionChange>> {
  const changes = new Map<string, PartitionChange>();
  await Promise.all([...consumers].map(async ([{ functionName, stream, partition, partitions: to = 0 }, retries]) => {
    if (!retries || partition !== undefined || stream !== names.retries.stream) return;
    const recorded = partitionsIn(retries.config.metadata);
    const backlogs = to === 0 ? [] : await readPartitionBacklogs(jsm, functionName, names);
    const stranded = backlogs.filter(({ of, index }) => of !== to && index >= to);
    if (stranded.length > 0) return void changes.set(functionName, strandedChange(to, stranded));
    // Only this release receives these: the other one waits until they are handled.
    const isNeeded = backlogs.some(({ of, index }) => of === to && index >= recorded);
    if (recorded === to || isNeeded) return;
    const all = await partitionConsumers(jsm, retries, names);
    const own = [...consumers].filter(([one]) => one.functionName === functionName).flatMap(([, info]) => info ?? []);
    const isPulledFrom = [...own, ...all].some(isPulled);
    // What waits in this number of partitions, as after a start at the same time, keeps its order.
    const kept = backlogs.reduce((sum, { of, events }) => of === to ? sum + events : sum, 0);
    const waiting = Math.max(0, waitingIn(all) - kept);
    changes.set(functionName, { from: recorded, to, waiting, isPulled: isPulledFrom });
  }));
  return changes;
}

/** Returns the change for events in partitions that a release leaves out. */
function strandedChange(to: number, backlogs: readonly PartitionBacklog[]): PartitionChange {
  return {
    from: Math.max(...backlogs.map(({ of }) => of)),
    to,
    waiting: backlogs.reduce((sum, { events }) => sum + events, 0),
    isPulled: false,
    stranded: [...new Set(backlogs.map(({ index }) => index))].sort((a, b) => a - b),
  };
}

/**
 * Returns why the number of a function's partitions cannot change now, and what to do; undefined if it can. A key would
 * move to another partition, and its next event would begin before those that wait.
 */
export function partitionProblem(name: string, change: PartitionChange | undefined): string | undefined {
  if (!change || change.waiting === 0 && !change.isPulled) return undefined;
  if (change.stranded) return strandedProblem(name, change.stranded, change);
  const { from, to, waiting } = change, of = (count: number) => count === 0 ? "no partitions" : `${count} partitions`;
  const reason = waiting > 0
    ? `${waiting} ${waiting === 1 ? "event waits" : "events wait"} in them`
    : "a process pulls from its consumers, or did within the last minute";
  const drain = waiting > 0
    ? `run the release with ${of(from)} and publish nothing until \`deno task functions ${name}\` shows that nothing ` +
      "waits, then stop all its processes"
    : "stop all processes of the release before";
  return `\`order\` of ${name} has ${of(from)}, and ${
    of(to)
  } are declared: ${reason}, and keys would lose their order. ` +
    `To change the number, ${drain}, and start this release; or give the function a new name, with \`from: "new"\``;
}

/** Returns the problem of a release that leaves out partitions with events: two releases have started at the same time. */
function strandedProblem(name: string, stranded: readonly number[], { from, to, waiting }: PartitionChange): string {
  const list = new Intl.ListFormat("en").format(stranded.map(String));
  return `${waiting} ${waiting === 1 ? "event waits" : "events wait"} in partition${
    stranded.length === 1 ? "" : "s"
  } ` +
    `${list} of ${name}: only a process with \`partitions: ${from}\` receives them, and this release has ${to}. Until ` +
    `they are handled it receives no events. If no process with \`partitions: ${from}\` runs, start one; once ` +
    `\`deno task functions ${name}\` of that release shows that nothing waits, stop it, and this release goes on`;
}
