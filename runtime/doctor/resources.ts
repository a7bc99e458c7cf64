import type { ConsumerInfo, StreamInfo } from "@nats-io/jetstream";
import { resourcesOf } from "../app/resources.ts";
import { durablesOf } from "../nats/consume/resources.ts";
import { combine, streamNames } from "../nats/topology/resources.ts";
import type { Registry } from "../project/registry.ts";

/** Returns the names of the streams that a project uses: its own and Weir's, with those of key-value buckets. */
export function streamNamesOf(project: Registry): string[] {
  return streamNames(combine(resourcesOf(project)));
}

/** Returns the existing streams that hold the project's events. */
export function eventStreams(project: Registry, streams: ReadonlyMap<string, StreamInfo>): StreamInfo[] {
  return project.streams.flatMap(({ name }) => streams.get(name) ?? []);
}

/** Returns the limits of a stream as `name value`. */
export function limitsOf({ config }: StreamInfo): string[] {
  return (["max_bytes", "max_msgs", "max_msgs_per_subject"] as const)
    .filter((name) => config[name] > 0).map((name) => `${name} ${config[name]}`);
}

/** Separates the consumers of the project's functions from all others. */
export function partitionConsumers(
  project: Registry,
  consumers: readonly ConsumerInfo[],
): { own: readonly ConsumerInfo[]; foreign: readonly ConsumerInfo[] } {
  const names = new Set(durablesOf(project.functions).map(({ stream, functionName }) => `${stream}.${functionName}`));
  const isOwn = ({ stream_name, name }: ConsumerInfo) => names.has(`${stream_name}.${name}`);
  return { own: consumers.filter(isOwn), foreign: consumers.filter((consumer) => !isOwn(consumer)) };
}
