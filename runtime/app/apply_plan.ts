import type { Cluster } from "./cluster.ts";
import { nameOf, type Step, type StepOf } from "../nats/topology/step.ts";
import { planCluster } from "../nats/topology/plan.ts";
import type { DesiredState } from "../nats/topology/plan_topology.ts";
import { prune } from "../nats/topology/prune.ts";
import { carryOutPlan } from "../nats/topology/topology.ts";
import { RetryService } from "../nats/retry/service.ts";

/** What came of a step. Without a problem it was taken. */
export interface Applied {
  readonly step: Step;
  readonly problem?: string;
  /** Of a consumer that is gone: events that it had not got behind it, and retries that are dead letters now. */
  readonly leftBehind?: number;
  readonly cancelled?: number;
}

/** What {@linkcode applyPlan} may be given besides. */
export interface ApplyOptions {
  /** Whose consumers to remove, if the project has no use for them: `true` means everyone's. Default: nobody's. */
  readonly prune?: true | readonly string[];
}

/** Makes a cluster what the plan for it says, and tells what came of each step. */
export async function applyPlan(
  cluster: Cluster,
  wanted: DesiredState,
  functionNames: readonly string[],
  options: ApplyOptions = {},
): Promise<Applied[]> {
  const { nc, jsm } = cluster, { prune: whose = [] } = options;
  const planned = await planCluster(nc, jsm, wanted, functionNames);
  const applied = new Map<string, Applied>();
  const tell = (one: Applied) => void applied.set(nameOf(one.step), one);
  // What was planned is told with its events; what is carried out is planned anew, and is mostly the same.
  const known = (step: Step) => planned.find((one) => nameOf(one) === nameOf(step) && one.kind === step.kind) ?? step;
  const left = await carryOutPlan(jsm, wanted, true, (step) => tell({ step: known(step) }));
  for (const { step, problems } of left) {
    tell({ step: known(step), problem: problems.join("; ") });
  }
  const unused = planned
    .filter((step): step is StepOf<"orphan" | "moved"> => step.kind === "orphan" || step.kind === "moved")
    .filter(({ name }) => whose === true || whose.includes(name));
  for (const group of Map.groupBy(unused, ({ name }) => name).values()) {
    for (const [step, pruned] of await prune(jsm, group, (name) => cancelRetries(new RetryService(cluster), name))) {
      if (pruned.kind === "removed") tell({ step, leftBehind: pruned.leftBehind, cancelled: pruned.cancelled });
      else tell({ step, problem: `${nameOf(step)}: a process is pulling on it, or was a minute ago: it stays` });
    }
  }
  return [...applied.values()];
}

/** Makes dead letters of all retries of a function. Those that come due meanwhile are taken with the due ones. */
async function cancelRetries(service: RetryService, functionName: string): Promise<number> {
  let cancelled = 0;
  for await (const { sequence } of service.list({ function: functionName })) {
    if (await service.cancel(sequence)) cancelled++;
  }
  return cancelled + await service.deadLetterDue(functionName);
}
