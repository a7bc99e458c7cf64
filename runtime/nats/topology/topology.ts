import type { JetStreamManager } from "@nats-io/jetstream";
import { StartupProblems } from "../../project/startup_problems.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import type { ResolvedStream } from "../../project/resolve_streams.ts";
import { ATTEMPTS, type Bucket, INBOX } from "../kv/buckets.ts";
import { applySteps, type Done, isRace, whyFailed } from "./apply_steps.ts";
import { isDone, isRefused, nameOf, type Step } from "./step.ts";
import type { Durable } from "./plan_consumer.ts";
import { type DesiredState, planTopology } from "./plan_topology.ts";
import { RETRIES } from "../retry/retry_stream.ts";

/** Another replica may be making the same thing at this moment: look again, but not for ever. */
const ROUNDS = 5;

/** A consumer that was made just now, and how many stored events it begins with. */
interface NewConsumer {
  readonly functionName: string;
  readonly stream: string;
  readonly waiting: number;
}

/** The consumers of functions: one for each stream that a function listens to. */
export function durablesOf(functions: readonly ResolvedFunction[]): Durable[] {
  return functions.flatMap(({ name, triggers }) => {
    const streams = Map.groupBy(triggers, ({ stream }) => stream);
    const own = [...streams].map(([stream, group]) => ({
      functionName: name,
      stream,
      filters: group.map(({ pattern }) => pattern),
    }));
    return [...own, {
      functionName: name,
      stream: RETRIES.stream,
      filters: [`${RETRIES.due}.${name}.>`, `${RETRIES.redriven}.${name}.>`],
    }];
  });
}

/** The buckets that functions need beside their own. */
export function bucketsOf(functions: readonly ResolvedFunction[]): Bucket[] {
  return functions.some(({ policy }) => policy.idempotency) ? [ATTEMPTS, INBOX] : [ATTEMPTS];
}

/** What {@linkcode ensureTopology} may be given besides. */
interface EnsureOptions extends Pick<DesiredState, "floorOf" | "buckets"> {
  /** Does what can be done also where something is refused: what runs already must not stand still for the rest. */
  readonly partly?: boolean;
}

/**
 * Makes streams, buckets and consumers what the project declares, in place, touching nothing that it does not declare.
 * Where something of it is refused, nothing is changed, unless `partly`.
 *
 * @returns the consumers that were made
 * @throws {StartupProblems} naming every field that JetStream cannot change in place.
 */
export async function ensureTopology(
  jsm: JetStreamManager,
  streams: readonly ResolvedStream[],
  durables: readonly Durable[],
  replicas: number | undefined,
  { partly = false, floorOf, buckets }: EnsureOptions = {},
): Promise<NewConsumer[]> {
  const made: NewConsumer[] = [];
  const done: Done = (step, waiting) => {
    if (step.what !== "consumer" || waiting === undefined) return;
    made.push({ functionName: step.name, stream: step.stream, waiting });
  };
  const left = await carryOutPlan(jsm, { streams, durables, replicas, floorOf, buckets }, partly, done);
  if (left.length > 0) throw new StartupProblems(left.flatMap(({ problems }) => problems));
  return made;
}

/** A step that was not taken, and why. */
interface Left {
  readonly step: Step;
  readonly problems: readonly string[];
}

/**
 * Plans and carries out what a start may do by itself, and once more where others do the same at this moment.
 *
 * @returns what was refused, by Weir or by JetStream
 */
export async function carryOutPlan(
  jsm: JetStreamManager,
  wanted: DesiredState,
  partly: boolean,
  done: Done,
): Promise<Left[]> {
  for (let round = 1;; round++) {
    const steps = await planTopology(jsm, wanted);
    const refused = steps.filter(isRefused).map((step) => ({ step, problems: whyRefused(step) }));
    if (refused.length > 0 && !partly) return refused;
    const failed = await applySteps(jsm, steps.filter(isDone), done);
    if (round < ROUNDS && failed.some(isRace)) continue;
    return [...refused, ...failed.map((one) => ({ step: one.step, problems: [whyFailed(one)] }))];
  }
}

/**
 * For a process that may change nothing: makes sure that there is nothing to change.
 *
 * @throws {StartupProblems} naming everything that is not as it should be.
 */
export async function requireTopology(jsm: JetStreamManager, wanted: DesiredState): Promise<void> {
  const problems = (await planTopology(jsm, wanted)).flatMap((step) => {
    if (step.kind === "create") return [`${nameOf(step)} is missing`];
    if (step.kind !== "update") return whyRefused(step);
    return step.changes.map(({ field, from, to }) =>
      `${nameOf(step)}: ${field} is ${JSON.stringify(from)} and should be ${JSON.stringify(to)}`
    );
  });
  if (problems.length === 0) return;
  const error = new StartupProblems(problems);
  error.message += "\nwith --no-apply a start changes nothing: let `deno task apply` do it first";
  throw error;
}

/** What to say of steps that a start does not take. */
function whyRefused(step: Step): string[] {
  return isRefused(step) ? step.problems.map((problem) => `${nameOf(step)}: ${problem}`) : [];
}
