import { Namespace } from "../core/namespace.ts";
import { type Config, ENVIRONMENT, namespaceOf } from "../app/config.ts";
import { readOwnConfig, selectConfigs } from "../app/own_config.ts";
import { memoryLimits } from "../app/memory_limit.ts";
import { setVariables } from "../app/warnings.ts";
import { loadProject } from "../project/load_project.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import type { Facts, Known } from "./facts.ts";
import { gatherCluster, unknownCluster } from "./gather_cluster.ts";
import { probeCollectors } from "./probe_collectors.ts";

/** Gathers everything that the rules read. It changes nothing, and problems that it meets are facts, not errors. */
export async function gather(read: () => Config): Promise<Facts> {
  const [config, configProblems] = await readOr(INVALID, read);
  const [[project, projectProblems], collectors] = await Promise.all([
    readOr("the project cannot be loaded", () => loadProject()),
    probeCollectors(ENVIRONMENT.get),
  ]);
  const valid = "value" in config ? config.value : undefined;
  const registry = "value" in project ? project.value : undefined;
  const names = valid ? namespaceOf(valid, registry) : new Namespace(undefined, registry?.project);
  const own = registry ? readOwnConfig(selectConfigs(registry, valid), ENVIRONMENT).problems : [];
  const cluster = "value" in config
    ? await gatherCluster(config.value, registry, names)
    : unknownCluster(INVALID, `${INVALID}, so NATS was not asked`);
  const dev = !ENVIRONMENT.get("NATS_URL") && !ENVIRONMENT.get("NATS_URL_FILE");
  return {
    names,
    variables: setVariables(),
    dev,
    memory: memoryLimits(),
    config,
    configProblems: [...configProblems, ...own],
    project,
    projectProblems,
    collectors,
    ...cluster,
  };
}

const INVALID = "the configuration is invalid";

/** Returns a value that has no problems, or the reason why it is unknown beside its problems. */
async function readOr<Value>(
  unknown: string,
  read: () => Value | Promise<Value>,
): Promise<[Known<Value>, readonly string[]]> {
  try {
    return [{ value: await read() }, []];
  } catch (error) {
    if (error instanceof StartupProblems) return [{ unknown }, error.problems];
    throw error;
  }
}
