import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Beginning } from "../../project/resolve_policy.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { SCHEDULES } from "../../project/resolve_streams.ts";
import { partitionDurables } from "../partitions/resources.ts";
import { retryDurable } from "../retry/resources.ts";
import type { Durable, Resources } from "../topology/resources.ts";

export function consumerResources(functions: readonly ResolvedFunction[], names: Namespace): Resources {
  return { durables: durablesOf(functions, names) };
}

/**
 * Returns a durable consumer for each stream that a function's triggers are on, and one on RETRIES. Then those of its
 * partitions follow.
 *
 * @param names The names in NATS. Default: without a namespace.
 */
export function durablesOf(functions: readonly ResolvedFunction[], names: Namespace = NO_NAMESPACE): Durable[] {
  return functions.flatMap(({ name, triggers, policy: { from, order } }): Durable[] => {
    const partitions = order?.partitions;
    const pinned = order && { isPinned: true as const, ...(partitions && { partitions }) };
    const streams = Map.groupBy(triggers, ({ stream }) => names.stream(stream));
    // A function that is declared again must not run the ticks of its earlier life.
    const fromOf = (stream: string) => stream === names.stream(SCHEDULES.name) ? "new" : from;
    const remembers = [...streams.keys()].filter((stream) => fromOf(stream) !== "all");
    const own = [...streams].map(([stream, group]) => ({
      functionName: name,
      consumer: names.consumer(name),
      stream,
      filters: group.map(({ pattern }) => names.subject(pattern)),
      ...pinned,
      ...(remembers.includes(stream) && { from: fromOf(stream) as Exclude<Beginning, "all"> }),
    }));
    const retries = { ...retryDurable(name, names), ...pinned };
    const ofPartitions = partitions ? partitionDurables(name, partitions, names) : [];
    return [...own, remembers.length === 0 ? retries : { ...retries, remembers }, ...ofPartitions];
  });
}
