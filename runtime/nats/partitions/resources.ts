import { DiscardPolicy, RetentionPolicy } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { countPermissions, publish } from "../topology/permissions.ts";
import type { Durable, Permission, Resources } from "../topology/resources.ts";
import { partitionSubject, returnedSubject } from "./nats_partition_store.ts";

/**
 * Events of a partition that the stream takes. What is beyond waits in its own stream: a backlog is not stored twice. It
 * is several times what a partition has in hand, and little enough to be refilled between two tries of the router.
 */
export const MAX_STORED = 5_000;

/** Returns what partitions need beside their consumers: nothing, unless a function has some. */
export function partitionResources(functions: readonly ResolvedFunction[], names: Namespace): Resources {
  const own = functions.filter(({ policy: { order } }) => order?.partitions);
  if (own.length === 0) return {};
  const { stream, subjects } = names.partitions, purpose = "to share partitions evenly between processes";
  return {
    streams: [{
      name: stream,
      subjects,
      initial: {
        max_age: 0,
        retention: RetentionPolicy.Workqueue,
        discard: DiscardPolicy.New,
        max_msgs_per_subject: MAX_STORED,
        discard_new_per_subject: true,
      },
    }],
    permissions: [
      ...publish("to assign events to partitions", ...subjects),
      ...countPermissions(stream),
      ...own.flatMap(({ name }) => {
        const subject = membersSubject(name, names);
        return (["publish", "subscribe"] as const).map((action): Permission => ({
          action,
          subject,
          purpose,
          optional: true,
        }));
      }),
    ],
  };
}

/** Returns the subject on which the processes of a function announce themselves to each other. */
export function membersSubject(functionName: string, { members }: Namespace): string {
  return `${members}.${functionName}`;
}

/** Returns the consumers of a function's partitions: each has one of its events, and one of those that came back. */
export function partitionDurables(functionName: string, partitions: number, names: Namespace): Durable[] {
  return Array.from({ length: partitions }, (_, partition) => {
    const own = { functionName, consumer: names.consumer(functionName, partition), isPinned: true as const, partition };
    const events = partitionSubject(functionName, partitions, partition, names);
    const returned = `${returnedSubject(functionName, partitions, partition, names)}.*`;
    return [
      { ...own, stream: names.partitions.stream, filters: [events] },
      { ...own, stream: names.retries.stream, filters: [returned] },
    ];
  }).flat();
}
