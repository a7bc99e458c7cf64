import { Command } from "commander";
import { withCluster } from "../app/cluster.ts";
import type { Step } from "../nats/topology/step.ts";
import { planCluster } from "../nats/topology/plan.ts";
import { loadProject } from "../project/load_project.ts";
import { desiredState } from "../app/desired_state.ts";
import { answered } from "./plan/explain_nats_errors.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { CommandFailure, EXIT_CODES } from "./terminal/exit_codes.ts";
import { printJson, screen } from "./terminal/output.ts";
import { planText } from "./plan/plan_text.ts";

/** Said by both commands: what is an orphan here may be another project's. */
export const ORPHANS_HELP = `
A consumer is an orphan when a function of its name once ran here and the project has none. Two
projects that share a cluster look like that to each other: name what you prune. One that a process
is pulling on is never removed.`;

/** `plan`. */
export function planCommand(): Command {
  return new Command("plan")
    .description("Show what a start, or `apply`, would do to streams, consumers and buckets, and change nothing.")
    .option("--json", "print the steps as JSON, those that need nothing too")
    .option("--verbose", "also what is somebody else's, one by one")
    .addHelpText(
      "after",
      `${ORPHANS_HELP}

Here 0 means nothing to do (orphans are told of, and are none of a start's business), 2 something
to do, 1 that it is blocked. Buckets that handlers open with ctx.kv are made on first use, and not
declared.

Example:
  NATS_URL=nats://nats:4222 deno task plan`,
    )
    .action(plan);
}

async function plan({ json, verbose }: { json?: boolean; verbose?: boolean }): Promise<void> {
  const config = commandConfig(), registry = await loadProject();
  const names = registry.functions.map(({ name }) => name);
  const steps = await withCluster(
    config,
    ({ nc, jsm }) => answered(planCluster(nc, jsm, desiredState(config, registry), names)),
  );
  if (json) printJson(steps.filter(({ kind }) => verbose || kind !== "foreign"));
  else console.log(planText(steps, screen(), verbose));
  const code = exitCode(steps);
  if (code !== EXIT_CODES.done) throw new CommandFailure("", code);
}

/** What the exit code says of a plan. */
export function exitCode(steps: readonly Step[]): number {
  if (steps.some(({ kind }) => kind === "blocked")) return EXIT_CODES.failed;
  const quiet: readonly Step["kind"][] = ["same", "foreign", "orphan", "moved"];
  return steps.every(({ kind }) => quiet.includes(kind)) ? EXIT_CODES.done : EXIT_CODES.changes;
}
