import { StartupProblems } from "../authoring/problems.ts";
import type { Registry } from "../authoring/registry.ts";
import { commandConfig } from "../cli/command_config.ts";
import { type Config, ENVIRONMENT } from "../config.ts";
import { loadProject } from "../project.ts";
import { knock } from "./collectors.ts";
import type { Facts, Known } from "./facts.ts";
import { gatherCluster, unknownCluster } from "./gather_cluster.ts";

/** Looks at everything that the rules want to know. It changes nothing, and never rejects for what it finds. */
export async function gather(): Promise<Facts> {
  const [config, configProblems] = configuration();
  const [[project, projectProblems], collectors] = await Promise.all([projectOf(), knock(ENVIRONMENT.get)]);
  const known = "value" in config ? config.value : undefined;
  const cluster = known
    ? await gatherCluster(known, "value" in project ? project.value : undefined)
    : unknownCluster("the configuration is wrong", "the configuration is wrong, so NATS was not asked");
  const dev = !ENVIRONMENT.get("NATS_URL") && !ENVIRONMENT.get("NATS_URL_FILE");
  const variables = Object.keys(Deno.env.toObject()).filter((name) => ENVIRONMENT.get(name));
  return { variables, dev, config, configProblems, project, projectProblems, collectors, ...cluster };
}

function configuration(): [Known<Config>, readonly string[]] {
  try {
    return [{ value: commandConfig() }, []];
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
