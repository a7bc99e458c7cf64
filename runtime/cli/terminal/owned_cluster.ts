import { type Cluster, withCluster } from "../../app/cluster.ts";
import type { Config, NamedProject } from "../../app/config.ts";
import type { Namespace } from "../../core/namespace.ts";
import { findStream } from "../../nats/topology/find.ts";
import { ownerProblem } from "../../nats/topology/owner.ts";
import { projectName } from "../../project/deno_json.ts";
import { PROJECT } from "../../project/load_project.ts";
import { defaultTargetProblem } from "./command_config.ts";
import { CommandFailure } from "./exit_codes.ts";

/** Returns the streams of Weir that show whose functions a command for operators works on. */
export const OPERATED = ({ retries, deadLetters }: Namespace): readonly string[] => [
  retries.stream,
  deadLetters.stream,
];

/**
 * Runs a command on streams of Weir, unless one of them belongs to another project.
 *
 * @param streamsOf Returns the names of the streams.
 * @param project The project. Default: its name alone is read; streams that Weir does not own are unknown.
 * @throws {CommandFailure} when one of them is another project's.
 */
export async function withOwnedCluster<Result>(
  config: Config,
  streamsOf: (names: Namespace) => readonly string[],
  run: (cluster: Cluster) => Promise<Result>,
  project?: NamedProject,
): Promise<Result> {
  return await withCluster(config, async (cluster) => {
    for (const stream of streamsOf(cluster.names)) {
      const problem = ownerProblem((await findStream(cluster.jsm, stream))?.config.metadata, cluster.names);
      if (!problem) continue;
      const target = defaultTargetProblem(config), refusal = `stream ${stream}: ${problem}`;
      throw new CommandFailure(target === undefined ? refusal : `${target}\nweir: ${refusal}`);
    }
    return await run(cluster);
  }, project ?? { project: await projectName(PROJECT) });
}
