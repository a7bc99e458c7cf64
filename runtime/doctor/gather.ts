import { StartupProblems } from "../project/startup_problems.ts";
import type { Registry } from "../project/registry.ts";
import { type Config, ENVIRONMENT } from "../app/config.ts";
import { loadProject } from "../project/load_project.ts";
import { knock } from "./probe_collectors.ts";
import type { Facts, Known } from "./facts.ts";
import { gatherCluster, unknownCluster } from "./gather_cluster.ts";

/**
 * Collects everything that the rules read. It changes nothing, and never rejects for what it finds.
 *
 * @param read reads the configuration
 * @throws {Error} what `read` throws, unless that is {@linkcode StartupProblems}
 */
export async function gather(read: () => Config): Promise<Facts> {
  const [config, configProblems] = configuration(read);
  const [[project, projectProblems], collectors] = await Promise.all([projectOf(), knock(ENVIRONMENT.get)]);
  const known = "value" in config ? config.value : undefined;
  const cluster = known
    ? await gatherCluster(known, "value" in project ? project.value : undefined)
    : unknownCluster("the configuration is wrong", "the configuration is wrong, so NATS was not asked");
  const dev = !ENVIRONMENT.get("NATS_URL") && !ENVIRONMENT.get("NATS_URL_FILE");
  const variables = Object.keys(Deno.env.toObject()).filter((name) => ENVIRONMENT.get(name));
  return { variables, dev, config, configProblems, project, projectProblems, collectors, ...cluster };
}

function configuration(read: () => Config): [Known<Config>, readonly string[]] {
  try {
    return [{ value: read() }, []];
  } catch (error) {
    return [{ unknown: "the configuration is wrong" }, problemsOf(error)];
  }
}

async function projectOf(): Promise<[Known<Registry>, readonly string[]]> {
  try {
    return [{ value: await loadProject() }, []];
  } catch (error) {
    return [{ unknown: "the project cannot be loaded" }, problemsOf(error)];
  }
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof StartupProblems) return error.problems;
  throw error;
}
