import { errors } from "@nats-io/transport-node";
import { Command } from "commander";
import { type Cluster, withCluster } from "../app/cluster.ts";
import { isUnavailable } from "../nats/client/is_unavailable.ts";
import type { Step } from "../nats/topology/step.ts";
import { planCluster } from "../nats/topology/plan_cluster.ts";
import type { DesiredState } from "../nats/topology/resources.ts";
import { changeWarnings } from "../app/change_warnings.ts";
import { ownVariableNames } from "../app/own_config.ts";
import { setVariables, variableWarnings } from "../app/warnings.ts";
import { loadProject } from "../project/load_project.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Registry } from "../project/registry.ts";
import { desiredState } from "../app/desired_state.ts";
import { selectFunctions } from "../app/select_functions.ts";
import { printableLines } from "../telemetry/otel/logs/printable.ts";
import { commandConfig, defaultTargetProblem, printDefaultTarget } from "./terminal/command_config.ts";
import { CommandFailure, EXIT_CODES } from "./terminal/exit_codes.ts";
import { printJson, screen } from "./terminal/output.ts";
import { nextTicksText } from "./plan/next_ticks.ts";
import { planText } from "./plan/plan_text.ts";

/** Prints what to do first if steps are blocked by another project's marks and the NATS is the default one. */
export function printDefaultTargetProblem(steps: readonly Step[]): void {
  if (!steps.some((step) => step.kind === "blocked" && step.isOwnedByOther)) return;
  const problem = defaultTargetProblem(commandConfig());
  if (problem) console.error(problem);
}

/** Explanation of orphans, for the help of `plan` and `apply`. */
export const ORPHANS_HELP = `
A consumer is an orphan if a function of its name ran on this cluster before and the project has no
such function. One without the project's mark may be another project's: \`--prune\` removes it only by
its name. A consumer is not removed while a process pulls from it, nor for a minute after.`;

/**
 * Runs a callback with the cluster, what the project declares, and its functions. Prints the warnings that `start`
 * logs, and a default target unless the command prints JSON. Errors of NATS name a fix.
 */
export async function withDesiredState<Value>(
  options: { readonly json?: boolean },
  run: (cluster: Cluster, desired: DesiredState, functions: readonly string[], registry: Registry) => Promise<Value>,
): Promise<{ readonly value: Value; readonly warnings: readonly string[] }> {
  const variables = variableWarnings(setVariables());
  printWarnings(variables); // before what may fail: a misspelt name may be the cause
  const config = commandConfig(), registry = await loadProject(), desired = desiredState(config, registry);
  selectFunctions(config, registry); // throws what stops a start as well
  const own = variableWarnings(setVariables(), ownVariableNames(registry)).filter((one) => !variables.includes(one));
  printWarnings([...own, ...registry.warnings]);
  const names = registry.functions.map(({ name }) => name);
  printDefaultTarget(config, options);
  const value = await withCluster(
    config,
    (cluster) => explainNatsErrors(run(cluster, desired, names, registry)),
    registry,
  );
  return { value, warnings: [...variables, ...own, ...registry.warnings] };
}

export function printWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) console.error(`warning: ${printableLines(warning)}`);
}

export function planCommand(): Command {
  return new Command("plan")
    .description("Show what `start` or `apply` would change in streams, consumers and buckets. Changes nothing.")
    .option("--json", "print all steps as JSON, also those that change nothing")
    .option("--strict", "exit with 1 on warnings as well")
    .addHelpText(
      "after",
      `${ORPHANS_HELP}

\`plan\` exits with 0 if nothing needs to change (orphans do not count, since a start leaves them), with
2 if something does, and with 1 if a change is blocked. Warnings go to standard error, and --strict
exits with 1 on them: those of the project and the environment, and those of events that wait in
streams, retries and dead letters and that the project would not handle, or would handle again.
For these \`plan\` reads the oldest and the newest 250 of each. Buckets that handlers open with ctx.kv
are created on first use and are not part of the plan.

Example:
  NATS_URL=nats://nats:4222 deno task plan`,
    )
    .action(plan);
}

async function plan({ json, strict }: { json?: boolean; strict?: boolean }): Promise<void> {
  const { value: { steps, changes, ticks }, warnings } = await withDesiredState(
    { json },
    async (cluster, desired, functionNames, registry) => {
      const steps = await planCluster(cluster.nc, cluster.jsm, desired, functionNames);
      const ticks = nextTicksText(selectedOf(desired, registry), Date.now());
      return { steps, changes: await warningsOf(steps, cluster, desired, registry), ticks };
    },
  );
  printWarnings(changes);
  printDefaultTargetProblem(steps);
  if (json) printJson(steps.filter(({ kind }) => kind !== "foreign"));
  else console.log([planText(steps, screen()), ...(ticks ? [ticks] : [])].join("\n\n"));
  const code = strict && warnings.length + changes.length > 0 ? EXIT_CODES.failed : exitCode(steps);
  if (code !== EXIT_CODES.done) throw new CommandFailure("", code);
}

/** Returns the warnings of what a plan does to events that wait. */
export async function warningsOf(
  steps: readonly Step[],
  { nc, jsm, names }: Cluster,
  desired: DesiredState,
  registry: Registry,
): Promise<readonly string[]> {
  return await changeWarnings({ nc, jsm, names }, selectedOf(desired, registry), steps).catch(notRead);
}

/** Returns the functions whose consumers are desired. */
function selectedOf({ durables }: DesiredState, { functions }: Registry): ResolvedFunction[] {
  return functions.filter(({ name }) => durables.some(({ functionName }) => functionName === name));
}

/** Returns a warning that the waiting events could not be read. A user without that permission still gets the plan. */
function notRead({ message }: Error): string[] {
  return [`events that wait could not be read, so none was checked: ${message}`];
}

/** Returns the exit code of `plan`: failed if a step is blocked, changes if `apply` would change anything. */
export function exitCode(steps: readonly Step[]): number {
  if (steps.some(({ kind }) => kind === "blocked")) return EXIT_CODES.failed;
  const quiet: readonly Step["kind"][] = ["same", "foreign", "orphan", "moved"];
  return steps.every(({ kind }) => quiet.includes(kind)) ? EXIT_CODES.done : EXIT_CODES.changes;
}

/**
 * Replaces timeouts and permission errors of NATS by errors that name a fix.
 *
 * @param needs Says where the permissions are listed that the command needs. Default: those of `plan`.
 */
export async function explainNatsErrors<Value>(
  work: Promise<Value>,
  needs = "deploy/README.md lists those that `plan` needs",
): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    const { message, cause } = error as Error;
    const denied = [error, cause].some((candidate) => candidate instanceof errors.PermissionViolationError);
    if (!denied && !isUnavailable(error)) throw error;
    const explained = isUnavailable(error)
      ? `JetStream does not answer (${message}): check the servers with \`deno task doctor\`, then run this again`
      : `this NATS user lacks a permission (${message}): ${needs}`;
    throw new CommandFailure(explained, EXIT_CODES.failed, { cause: error });
  }
}
