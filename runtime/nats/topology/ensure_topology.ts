import type { JetStreamManager } from "@nats-io/jetstream";
import { StartupProblems } from "../../project/startup_problems.ts";
import { applySteps, isRace, type OnApplied, whyFailed } from "./apply_steps.ts";
import { planTopology } from "./plan.ts";
import type { DesiredState } from "./resources.ts";
import { nameOf, type Step } from "./step.ts";

/** Plans that are applied in a row. Only a race with another replica calls for the next, and five do not follow. */
const MAX_ROUNDS = 5;

/** A consumer that was just created, and the number of stored events that it begins with. */
interface NewConsumer {
  readonly functionName: string;
  readonly stream: string;
  readonly waiting: number;
}

/**
 * Creates streams, buckets and consumers, and updates them in place, without touching what is not declared. Changes
 * nothing if any step is blocked, unless `partly`.
 *
 * @param partly Whether to apply the other steps although some are blocked, as a running process needs. Default: false.
 * @returns The created consumers.
 * @throws {StartupProblems} naming every step that is blocked or failed.
 */
export async function ensureTopology(
  jsm: JetStreamManager,
  desired: DesiredState,
  partly = false,
): Promise<NewConsumer[]> {
  const created: NewConsumer[] = [];
  const onApplied: OnApplied = (step, waiting) => {
    if (step.what !== "consumer" || waiting === undefined) return;
    created.push({ functionName: step.name, stream: step.stream, waiting });
  };
  const refused = await applyTopology(jsm, desired, partly, onApplied);
  if (refused.length > 0) throw new StartupProblems(refused.flatMap(({ problems }) => problems));
  return created;
}

interface Refused {
  readonly step: Step;
  readonly problems: readonly string[];
}

/** Plans and applies the topology, again after a race with another replica. Resolves to the steps not applied. */
export async function applyTopology(
  jsm: JetStreamManager,
  desired: DesiredState,
  partly: boolean,
  onApplied: OnApplied,
): Promise<Refused[]> {
  for (let round = 1;; round++) {
    const steps = await planTopology(jsm, desired);
    const blocked = steps.filter(({ kind }) => kind === "blocked").map((step) => ({
      step,
      problems: problemsOf(step),
    }));
    if (blocked.length > 0 && !partly) return blocked;
    const failed = await applySteps(jsm, steps, onApplied);
    if (round < MAX_ROUNDS && failed.some(isRace)) continue;
    return [...blocked, ...failed.map((one) => ({ step: one.step, problems: [whyFailed(one)] }))];
  }
}

/**
 * Checks that nothing must change, for a process that must not change anything.
 *
 * @throws {StartupProblems} naming everything that is missing or not as declared.
 */
export async function requireTopology(jsm: JetStreamManager, desired: DesiredState): Promise<void> {
  const problems = (await planTopology(jsm, desired)).flatMap((step) => {
    if (step.kind === "create") return [`${nameOf(step)} is missing`];
    if (step.kind !== "update") return problemsOf(step);
    return step.changes.map(({ field, from, to }) =>
      `${nameOf(step)}: ${field} is ${JSON.stringify(from)} and should be ${JSON.stringify(to)}`
    );
  });
  if (problems.length === 0) return;
  const error = new StartupProblems(problems);
  error.message += "\nwith --no-apply a start changes nothing: run `deno task apply` first";
  throw error;
}

function problemsOf(step: Step): string[] {
  return step.kind === "blocked" ? step.problems.map((problem) => `${nameOf(step)}: ${problem}`) : [];
}
