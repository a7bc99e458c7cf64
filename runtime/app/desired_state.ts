import { combine, type DesiredState } from "../nats/topology/resources.ts";
import type { Registry } from "../project/registry.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Config } from "./config.ts";
import { resourcesOf } from "./resources.ts";
import { selectFunctions } from "./select_functions.ts";

/** Returns the streams, consumers and buckets that a process with this configuration needs. */
export function desiredState(
  config: Config,
  registry: Registry,
  functions: readonly ResolvedFunction[] = selectFunctions(config, registry),
): DesiredState {
  return { ...combine(resourcesOf(registry, functions)), replicas: config.WEIR_REPLICAS };
}
