import type { JetStreamManager } from "@nats-io/jetstream";
import { isUnavailable } from "../client/is_unavailable.ts";
import { StartupProblems } from "../../project/startup_problems.ts";
import { applySteps, isRace, type OnApplied, whyFailed } from "./apply_steps.ts";
import { type FoundState, planFound, readTopology } from "./plan.ts";
import { isAdoption, isMarkOnly } from "./owner.ts";
import type { DesiredState } from "./resources.ts";
import { nameOf, type Scope, type Step } from "./step.ts";

/**
 * Greatest number of plans that are applied in a row. If another replica changes the topology at the same time, the
 * next plan includes its changes. Five such races in a row do not happen.
 */
const MAX_ROUNDS = 5;

/** A consumer that was just created, and the number of stored events that it begins with. */
interface NewConsumer {
  readonly functionName: string;
  readonly stream: string;
  readonly waiting: number;
}

/** Options of {@linkcode applyTopology}. */
export interface ApplyTopologyOptions {
  /** Whether to apply the other steps although some are blocked, as a running process needs. @default false */
  readonly partly?: boolean;
  /** @default "apply" */
  readonly scope?: Scope;
  /** Called after each applied step. */
  readonly onApplied?: OnApplied;
  /** Called with what exists, before each plan. */
  readonly onFound?: (found: FoundState) => void;
}

/**
 * Creates streams, buckets and consumers, and updates them in place, without touching what is not declared. Changes
 * nothing if any step is blocked, unless `partly`.
 *
 * @returns The created consumers.
 * @throws {StartupProblems} naming every step that is blocked or failed.
 */
export async function ensureTopology(
  jsm: JetStreamManager,
  desired: DesiredState,
  options: ApplyTopologyOptions = {},
): Promise<NewConsumer[]> {
  const created: NewConsumer[] = [];
  const onApplied: OnApplied = (step, consumer) => {
    options.onApplied?.(step, consumer);
    if (step.kind !== "create" || step.what !== "consumer") return;
    const { functionName } = desired.durables.find((one) => one.consumer === step.name && one.stream === step.stream)!;
    created.push({ functionName, stream: step.stream, waiting: consumer!.num_pending });
  };
  const refused = await applyTopology(jsm, desired, { ...options, onApplied });
  if (refused.length === 0) return created;
  const problems = new StartupProblems(refused.flatMap(({ problems }) => problems));
  // If JetStream was unavailable for every step, for example while a leader is elected, the fault is temporary. The
  // start tries again if the error has such a cause.
  if (refused.every(({ error }) => isUnavailable(error))) problems.cause = refused[0].error;
  throw problems;
}

/** A step that is blocked, failed or not allowed. */
export interface Refused {
  readonly step: Step;
  readonly problems: readonly string[];
  /** Error of JetStream. Undefined for a step that was not tried. */
  readonly error?: Error;
}

/** Plans and applies the topology, again after a race with another replica. Resolves to the steps not applied. */
export async function applyTopology(
  jsm: JetStreamManager,
  desired: DesiredState,
  { partly = false, scope = "apply", onApplied = () => {}, onFound = () => {} }: ApplyTopologyOptions,
): Promise<Refused[]> {
  for (let round = 1;; round++) {
    const found = await readTopology(jsm, desired, scope), steps = planFound(desired, found, scope);
    onFound(found);
    const blocked = steps.filter(({ kind }) => kind === "blocked").map((step) => ({
      step,
      problems: problemsOf(step),
    }));
    if (blocked.length > 0 && !partly) return blocked;
    const failed = await applySteps(jsm, steps, onApplied);
    if (round < MAX_ROUNDS && failed.some(isRace)) continue;
    // At a start, a step that only adds the mark may fail: the NATS user may lack the permission.
    const lasting = scope === "apply" ? failed : failed.filter(({ step }) => !isAdoption(step));
    return [...blocked, ...lasting.map((one) => ({ ...one, problems: [whyFailed(one)] }))];
  }
}

/**
 * Checks that streams and consumers are as declared, for a process that must not change them. A stream or consumer that
 * takes more than is declared passes, since a process of another release may need that.
 *
 * @throws {StartupProblems} naming everything that is missing or not as declared.
 */
export async function requireTopology(
  jsm: JetStreamManager,
  desired: DesiredState,
  options: ApplyTopologyOptions = {},
): Promise<void> {
  const refused = await compareTopology(jsm, desired, { scope: "start", ...options });
  if (refused.length === 0) return;
  const error = new StartupProblems(refused.flatMap(({ problems }) => problems));
  error.message += "\nwith --no-apply a start changes nothing: run `deno task apply` first";
  throw error;
}

/** Returns the steps of a process that must not change anything, each with what is missing or not as declared. */
export async function compareTopology(
  jsm: JetStreamManager,
  desired: DesiredState,
  { scope, onFound = () => {} }: ApplyTopologyOptions,
): Promise<Refused[]> {
  const found = await readTopology(jsm, desired, scope);
  onFound(found);
  return planFound(desired, found, scope).map((step) => ({ step, problems: differences(step) }))
    .filter(({ problems }) => problems.length > 0);
}

function differences(step: Step): string[] {
  if (step.kind === "create") return [`${nameOf(step)} is missing`];
  if (step.kind !== "update") return problemsOf(step);
  return step.changes.filter((change) => !isMarkOnly(change)).map(({ field, from, to }) =>
    `${nameOf(step)}: ${field} is ${JSON.stringify(from)} and should be ${JSON.stringify(to)}`
  );
}

function problemsOf(step: Step): string[] {
  return step.kind === "blocked" ? step.problems.map((problem) => `${nameOf(step)}: ${problem}`) : [];
}
