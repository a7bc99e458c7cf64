import type { ResolvedFunction } from "../project/resolve_function.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import type { Registry } from "../project/registry.ts";
import type { Config } from "./config.ts";
import type { DesiredState } from "../nats/topology/plan_topology.ts";
import { bucketsOf, durablesOf } from "../nats/topology/topology.ts";

/** What a process with this configuration needs of a cluster. */
export function desiredState(
  config: Config,
  registry: Registry,
  functions: readonly ResolvedFunction[] = selectFunctions(config, registry),
): DesiredState {
  const { streams } = registry, replicas = config.WEIR_REPLICAS;
  return { streams, durables: durablesOf(functions), buckets: bucketsOf(functions), replicas };
}

/** The functions this process runs: all of them, or those of `WEIR_FUNCTIONS`. */
export function selectFunctions(config: Config, { functions }: Registry): Registry["functions"] {
  if (!config.WEIR_ROLES.includes("functions")) return [];
  const wanted = config.WEIR_FUNCTIONS;
  if (!wanted) return functions;
  const names = functions.map(({ name }) => name);
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new StartupProblems([`WEIR_FUNCTIONS names ${unknown.join(", ")}; there are: ${names.join(", ")}`]);
  }
  return functions.filter(({ name }) => wanted.includes(name));
}
