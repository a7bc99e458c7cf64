import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE, partitionIn } from "../../core/namespace.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { moveCommandOf, MovePosition } from "../move/move_position.ts";
import { keptFilters, withFilters } from "../impact/kept_filters.ts";
import { RetryService } from "../retry/service.ts";
import { suggestion } from "../../project/unknown_name.ts";
import { applyTopology } from "./ensure_topology.ts";
import { findConsumer, unlessMissing } from "./find.ts";
import { waitingIn } from "./partition_changes.ts";
import { planCluster } from "./plan_cluster.ts";
import type { DesiredState } from "./resources.ts";
import { nameOf, type Scope, type Step, type StepOf } from "./step.ts";
import { isPulled } from "./plan_undeclared.ts";

/** The result of a step. It was applied unless it has a problem. */
export interface Applied {
  readonly step: Step;
  readonly problem?: string;
  /** Unsettled events of a deleted consumer. */
  readonly leftBehind?: number;
  /** Retries of a deleted consumer that became dead letters. */
  readonly cancelled?: number;
  /** Events that waited in partitions of a removed function and became dead letters. */
  readonly assigned?: number;
}

/** Options of {@linkcode applyPlan}. */
export interface ApplyOptions {
  /** The functions whose unused consumers are deleted; `true` for all. Default: none. */
  readonly prune?: true | readonly string[];
  /** @default "apply" */
  readonly scope?: Scope;
  /** Called with the plan before its first step. */
  readonly planned?: (steps: readonly Step[]) => Promise<void>;
}

/**
 * Plans a cluster, applies the plan, and resolves to the result of each step. If a type has changed its stream and
 * events of it wait in the former one, the consumer there keeps the filter of the type, and its step has a problem.
 *
 * @throws {Error} before the first step, if a function of `prune` has no unused consumer.
 */
export async function applyPlan(
  cluster: RetryService["cluster"] & { readonly nc: NatsConnection },
  desired: DesiredState,
  functionNames: readonly string[],
  { prune = [], scope = "apply", planned: onPlanned }: ApplyOptions = {},
): Promise<Applied[]> {
  const { nc, jsm } = cluster, { names = NO_NAMESPACE } = desired;
  const planned = await planCluster(nc, jsm, desired, functionNames, scope);
  const unused = planned.filter((step): step is StepOf<"orphan" | "moved"> =>
    step.kind === "orphan" || step.kind === "moved"
  );
  const functionOf = (consumer: string) => names.functionOf(consumer);
  if (prune !== true) checkPruned(prune.map(functionOf), new Set(unused.map(({ name }) => functionOf(name))));
  await onPlanned?.(planned);
  const kept = await keptFilters(cluster, desired, planned), results = new Map<string, Applied>();
  const report = (result: Applied) => void results.set(nameOf(result.step), result);
  // `applyTopology` makes a second plan, which has no event counts. Its steps are reported as the first plan has them.
  const counted = (step: Step) => planned.find((one) => nameOf(one) === nameOf(step) && one.kind === step.kind) ?? step;
  const onApplied = (step: Step) => report({ step: counted(step) });
  const refused = await applyTopology(jsm, withFilters(desired, kept), { partly: true, scope, onApplied });
  for (const { step, problems } of refused) report({ step: counted(step), problem: problems.join("; ") });
  for (const { step, problem } of kept) report({ step, problem });
  const retries = new RetryService({ ...cluster, names });
  // A consumer without a mark may be another project's. It is removed only if the caller names it.
  const pruned = prune === true
    ? unused.filter((step) => !("unmarked" in step))
    : unused.filter(({ name }) => prune.map(functionOf).includes(functionOf(name)));
  // The consumers of partitions go with those of their function.
  const groupOf = ({ name, kind }: StepOf<"orphan" | "moved">) => `${kind} ${functionOf(name)}`;
  for (const group of Map.groupBy(pruned, groupOf).values()) {
    await deleteConsumers(jsm, group, retries, names, report);
  }
  return [...results.values()];
}

function checkPruned(names: readonly string[], unused: ReadonlySet<string>): void {
  const unknown = names.filter((name) => !unused.has(name));
  if (unknown.length === 0) return;
  const problems = unknown.map((name) => `no unused consumer has the name "${name}": ${suggestion(name, unused)}`);
  throw new Error(`nothing was changed: ${problems.join("; ")}`);
}

/**
 * Deletes the consumers that one function left behind: all, or none while a process pulls from any of them, or a move of
 * its events is not finished. Its retries, and what waits in its partitions, become dead letters first.
 *
 * Invariant: the consumer on RETRIES is deleted last, since it marks the others as Weir's.
 */
async function deleteConsumers(
  jsm: JetStreamManager,
  group: readonly StepOf<"orphan" | "moved">[],
  retries: RetryService,
  names: Namespace,
  report: (result: Applied) => void,
): Promise<void> {
  const isMark = ({ name, stream }: Step & { stream: string }) =>
    stream === names.retries.stream && partitionIn(name) === undefined;
  const ordered = group.toSorted((a, b) => Number(isMark(a)) - Number(isMark(b)));
  // A process may have begun to pull since the plan was made.
  const current = await Promise.all(ordered.map(({ stream, name }) => findConsumer(jsm, stream, name)));
  const isUsed = current.some((info, i) => ordered[i].inUse || info && isPulled(info));
  const move = await new MovePosition(jsm, names.functionOf(group[0].name), names).read();
  if (isUsed || move) {
    const why = isUsed
      ? "a process pulls from it, or did within the last minute"
      : `a move from it is not finished: finish it with \`deno task ${moveCommandOf(move!)}\``;
    for (const step of group) report({ step, problem: `${nameOf(step)}: not deleted, since ${why}` });
    return;
  }
  const functionName = names.functionOf(group[0].name);
  const isRemoved = group.some((step) => step.kind === "orphan" && isMark(step));
  const inPartitions = waitingIn(current.flatMap((info) => info && partitionIn(info.name) !== undefined ? info : []));
  if (inPartitions > 0 && !isRemoved) {
    const waiting = inPartitions === 1 ? "1 event waits" : `${inPartitions} events wait`;
    const why = `${waiting} in these partitions, for a process of a release that has them`;
    for (const step of group) report({ step, problem: `${nameOf(step)}: not deleted, since ${why}` });
    return;
  }
  const assigned = isRemoved ? await retries.deadLetterAssigned(functionName) : 0;
  const cancelled = isRemoved ? await cancelRetries(retries, functionName) : 0;
  for (const step of ordered) {
    const info = await findConsumer(jsm, step.stream, step.name);
    await unlessMissing(jsm.consumers.delete(step.stream, step.name), JETSTREAM_CODES.consumerNotFound);
    const ended = isMark(step) ? { cancelled, assigned } : { cancelled: 0 };
    report({ step, leftBehind: info ? info.num_pending + info.num_ack_pending : 0, ...ended });
  }
}

/**
 * Cancels all delayed retries of a function. A retry that comes due meanwhile becomes a dead letter with the other due
 * retries.
 */
async function cancelRetries(retries: RetryService, functionName: string): Promise<number> {
  let cancelled = 0;
  for await (const { sequence } of retries.list({ function: functionName })) {
    if (await retries.cancel(sequence)) cancelled++;
  }
  return cancelled + await retries.deadLetterDue(functionName);
}
