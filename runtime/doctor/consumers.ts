import type { ConsumerInfo } from "@nats-io/jetstream";
import type { Registry } from "../project/registry.ts";
import { durablesOf } from "../nats/consume/resources.ts";

/** What tells a consumer from all others: `STREAM.CONSUMER`. */
export function consumerNames(consumers: readonly ConsumerInfo[]): string[] {
  return consumers.map(({ stream_name, name }) => `${stream_name}.${name}`);
}

/** The consumers that functions of the project have, and the others. */
export function split(
  project: Registry,
  consumers: readonly ConsumerInfo[],
): { own: readonly ConsumerInfo[]; foreign: readonly ConsumerInfo[] } {
  const names = new Set(durablesOf(project.functions).map(({ stream, functionName }) => `${stream}.${functionName}`));
  const isOwn = ({ stream_name, name }: ConsumerInfo) => names.has(`${stream_name}.${name}`);
  return { own: consumers.filter(isOwn), foreign: consumers.filter((one) => !isOwn(one)) };
}

/** What a consumer listens to; everything in its stream, where it has no filter. */
export function filtersOf({ config }: ConsumerInfo): readonly string[] {
  return config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : [">"]);
}
