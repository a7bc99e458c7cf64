import type { StreamInfo } from "@nats-io/jetstream";
import type { Registry } from "../project/registry.ts";
import { NEW_STREAM } from "../nats/topology/plan_stream.ts";
import type { Facts } from "./facts.ts";

/**
 * How long a stream keeps what is in it: as declared, else as it is, else as it would be made. Undefined: for ever.
 * What is declared comes first, for the next start makes it so.
 */
export function keptMs(project: Registry, streams: Facts["streams"], name: string): number | undefined {
  const declared = project.streams.find((stream) => stream.name === name)?.maxAgeMs;
  const found = "value" in streams ? streams.value.get(name) : undefined;
  const kept = declared ?? (found ? found.config.max_age : NEW_STREAM.max_age) / 1e6;
  return kept === 0 ? undefined : kept;
}

/** The streams that hold the project's events, of those that there are. */
export function eventStreams(project: Registry, streams: ReadonlyMap<string, StreamInfo>): StreamInfo[] {
  return project.streams.flatMap(({ name }) => streams.get(name) ?? []);
}

/** Its limits, as `name value`; those that are none are left out. */
export function limitsOf({ config }: StreamInfo): string[] {
  return (["max_bytes", "max_msgs", "max_msgs_per_subject"] as const)
    .filter((name) => config[name] > 0).map((name) => `${name} ${config[name]}`);
}
