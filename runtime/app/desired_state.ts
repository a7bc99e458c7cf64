import { combine, type DesiredState } from "../nats/topology/resources.ts";
import type { Registry } from "../project/registry.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import { type Config, namespaceOf } from "./config.ts";
import { resourcesOf } from "./resources.ts";
import { selectFunctions } from "./select_functions.ts";

/** Returns the streams, consumers and buckets that a process with this configuration needs. */
export function desiredState(
  config: Config,
  registry: Registry,
  functions: readonly ResolvedFunction[] = selectFunctions(config, registry),
): DesiredState {
  const names = namespaceOf(config, registry);
  const resources = resourcesOf(registry, functions, registry.functions, names);
  return { ...combine(resources), names, replicas: config.WEIR_REPLICAS };
}
