import { Command } from "commander";
import type { Cluster } from "../app/cluster.ts";
import { type Applied, applyPlan } from "../nats/topology/apply_plan.ts";
import { findStream } from "../nats/topology/find.ts";
import { type Bucket, bucketStream, handlerBuckets } from "../nats/topology/resources.ts";
import { bucketNames } from "./terminal/command_line.ts";
import { CommandFailure } from "./terminal/exit_codes.ts";
import { count, printJson, screen } from "./terminal/output.ts";
import { ORPHANS_HELP, printDefaultTargetProblem, printWarnings, warningsOf, withDesiredState } from "./plan.ts";
import { stepText } from "./plan/plan_text.ts";

interface Options {
  readonly prune?: true | readonly string[];
  readonly widen?: boolean;
  readonly takeOver?: boolean;
  readonly bucket?: readonly string[];
  readonly json?: boolean;
}

export function applyCommand(): Command {
  return new Command("apply")
    .description("Create and change streams, consumers and buckets as `plan` shows.")
    .option("--prune [names...]", "also remove consumers that the project does not use: all, or these names")
    .option("--widen", "make only the changes that a start would: before a rollout, where `start --no-apply` runs")
    .option("--take-over", "make what another project made this one's: after a change of the project's name")
    .option("--bucket <names...>", "also create these key-value buckets of handlers, if they are missing", bucketNames)
    .option("--json", "print the result of each step as JSON")
    .addHelpText(
      "after",
      `
A pruned consumer leaves its events in their streams. Its retries, delayed or due, go to the dead
letters. A consumer keeps a type that has changed its stream while events of it wait there: run it
again once they are handled. The warnings are those of \`plan\`.
${ORPHANS_HELP}

Example:
  deno task plan && deno task apply
  deno task apply --widen   # before a rollout, and then \`deno task apply\`
  deno task apply --prune notifyCustomer`,
    )
    .action(apply);
}

async function apply(options: Options): Promise<void> {
  const { value: applied } = await withDesiredState(
    options,
    async (cluster, declared, names, registry) => {
      const { prune, widen, takeOver } = options;
      const missing = await missingBuckets(cluster, options.bucket ?? []);
      const desired = { ...declared, buckets: [...declared.buckets, ...missing], takeOver };
      return await applyPlan(cluster, desired, names, {
        prune,
        scope: widen ? "start" : "apply",
        planned: async (steps) => printWarnings(await warningsOf(steps, cluster, desired, registry)),
      });
    },
  );
  printDefaultTargetProblem(applied.map(({ step }) => step));
  if (options.json) printJson(applied.map(({ step, ...what }) => ({ ...step, done: !what.problem, ...what })));
  else print(applied);
  const problems = applied.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) throw new CommandFailure(problems.join("\nweir: "));
}

/** Returns the buckets that do not exist. An existing one keeps its owner, and its settings. */
async function missingBuckets({ jsm, names }: Cluster, opened: readonly string[]): Promise<Bucket[]> {
  const buckets = handlerBuckets(opened, names);
  const found = await Promise.all(buckets.map(({ name }) => findStream(jsm, bucketStream(name))));
  return buckets.filter((_, i) => !found[i]);
}

function print(applied: readonly Applied[]): void {
  const done = applied.filter(({ problem }) => !problem);
  for (const { step, leftBehind, cancelled, assigned } of done) {
    const removed = leftBehind !== undefined;
    console.log(stepText(step, screen()));
    if (removed) console.log(`      removed, with ${count(leftBehind, "event")} left unhandled in ${location(step)}`);
    if (cancelled) console.log(`      ${count(cancelled, "retry", "retries")} moved to the dead letters`);
    if (assigned) console.log(`      ${count(assigned, "event")} of its partitions moved to the dead letters`);
  }
  console.log(done.length === 0 ? "nothing was changed" : `${count(done.length, "step")} done`);
}

function location(step: Applied["step"]): string {
  return "stream" in step ? `stream ${step.stream}, for as long as the stream keeps them` : step.name;
}
