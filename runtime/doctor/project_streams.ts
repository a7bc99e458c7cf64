import type { ConsumerInfo, StreamInfo } from "@nats-io/jetstream";
import { resourcesOf } from "../app/resources.ts";
import { durablesOf } from "../nats/consume/resources.ts";
import { combine, type ForeignStream, streamNames } from "../nats/topology/resources.ts";
import type { Namespace } from "../core/namespace.ts";
import type { Registry } from "../project/registry.ts";
import { type Facts, known } from "./facts.ts";

/** Returns the names of the streams that a project uses: its own, Weir's, and the streams of key-value buckets. */
export function streamNamesOf(project: Registry, names: Namespace): string[] {
  return streamNames(combine(resourcesOf(project, project.functions, project.functions, names)));
}

/** Returns the streams that a project uses and does not own. */
export function foreignStreamsOf(project: Registry): readonly ForeignStream[] {
  return combine(resourcesOf(project)).foreign;
}

/** Returns the existing streams that the project uses and does not own. */
export function foreignStreams({ foreign }: Facts): StreamInfo[] {
  return [...known(foreign).streams.values()];
}

/** Returns the existing streams that hold the project's events. */
export function eventStreams({ project, streams, names }: Facts): StreamInfo[] {
  return known(project).streams.flatMap(({ name }) => known(streams).get(names.stream(name)) ?? []);
}

/** Returns the streams DEAD_LETTERS and RETRIES, if they exist. */
export function weirStreams({ streams, names: { deadLetters, retries } }: Facts): StreamInfo[] {
  return [deadLetters.stream, retries.stream].flatMap((name) => known(streams).get(name) ?? []);
}

export function limitsOf(config: StreamInfo["config"]): string[] {
  return (["max_bytes", "max_msgs", "max_msgs_per_subject"] as const)
    .filter((name) => config[name] > 0).map((name) => `${name} ${config[name]}`);
}

/** Separates the consumers of the project's functions from all others. */
export function partitionConsumers(facts: Facts): Record<"own" | "foreign", readonly ConsumerInfo[]> {
  const { functions } = known(facts.project), consumers = known(facts.consumers);
  const names = new Set(durablesOf(functions, facts.names).map(({ stream, consumer }) => `${stream}.${consumer}`));
  const { own = [], foreign = [] } = Object.groupBy(
    consumers,
    ({ stream_name, name }) => names.has(`${stream_name}.${name}`) ? "own" : "foreign",
  );
  return { own, foreign };
}
