import type { NatsConnection } from "@nats-io/transport-node";
import { RetryService } from "../retry/service.ts";
import { applyTopology } from "./ensure_topology.ts";
import { planCluster } from "./plan.ts";
import { prune } from "./prune.ts";
import type { DesiredState } from "./resources.ts";
import { nameOf, type Step, type StepOf } from "./step.ts";

/** The result of a step. It was applied unless it has a problem. */
export interface Applied {
  readonly step: Step;
  readonly problem?: string;
  /** Unsettled events of a deleted consumer. */
  readonly leftBehind?: number;
  /** Retries of a deleted consumer that became dead letters. */
  readonly cancelled?: number;
}

/** Options of {@linkcode applyPlan}. */
export interface ApplyOptions {
  /**
   * The functions whose unused consumers are deleted; `true` for all.
   *
   * @default []
   */
  readonly prune?: true | readonly string[];
}

/** Plans a cluster, applies the plan, and resolves to the result of each step. */
export async function applyPlan(
  cluster: RetryService["cluster"] & { readonly nc: NatsConnection },
  desired: DesiredState,
  functionNames: readonly string[],
  options: ApplyOptions = {},
): Promise<Applied[]> {
  const { nc, jsm } = cluster;
  const planned = await planCluster(nc, jsm, desired, functionNames);
  const results = new Map<string, Applied>();
  const report = (result: Applied) => void results.set(nameOf(result.step), result);
  // applyTopology makes a plan of its own, without event counts: report the steps that have them where they agree.
  const counted = (step: Step) => planned.find((one) => nameOf(one) === nameOf(step) && one.kind === step.kind) ?? step;
  const refused = await applyTopology(jsm, desired, true, (step) => report({ step: counted(step) }));
  for (const { step, problems } of refused) report({ step: counted(step), problem: problems.join("; ") });
  const retries = new RetryService(cluster);
  for (const group of unusedConsumers(planned, options)) {
    for (const [step, pruned] of await prune(jsm, group, (name) => cancelRetries(retries, name))) {
      if (pruned.kind === "removed") report({ step, leftBehind: pruned.leftBehind, cancelled: pruned.cancelled });
      else {report({
          step,
          problem: `${nameOf(step)}: not deleted, since a process pulls from it, or did within the last minute`,
        });}
    }
  }
  return [...results.values()];
}

/** Returns the consumers to prune, grouped by function. */
function unusedConsumers(planned: readonly Step[], { prune = [] }: ApplyOptions) {
  const unused = planned
    .filter((step): step is StepOf<"orphan" | "moved"> => step.kind === "orphan" || step.kind === "moved")
    .filter(({ name }) => prune === true || prune.includes(name));
  return Map.groupBy(unused, ({ name }) => name).values();
}

/** Cancels all delayed retries of a function. Those that become due meanwhile are dead-lettered with the due ones. */
async function cancelRetries(retries: RetryService, functionName: string): Promise<number> {
  let cancelled = 0;
  for await (const { sequence } of retries.list({ function: functionName })) {
    if (await retries.cancel(sequence)) cancelled++;
  }
  return cancelled + await retries.deadLetterDue(functionName);
}
