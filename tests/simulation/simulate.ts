import type { PlantedBug } from "./compose.ts";
import { violations } from "./invariants.ts";
import type { Ledger } from "./ledger.ts";
import { Random } from "../support/random.ts";
import { schedule } from "./schedule.ts";
import { randomSettings, type Settings } from "./settings.ts";
import { World } from "./world.ts";

/** The result of one schedule. */
export interface SimulationResult {
  readonly seed: number;
  /** The violated invariants. */
  readonly problems: readonly string[];
  readonly ledger: Ledger;
  /** Whether the stream of the events was created again. */
  readonly renewed: boolean;
  /** Every step, if traced. */
  readonly trace: readonly string[];
}

/** Runs the schedule of one seed. The same seed takes the same steps. */
export async function simulate(seed: number, bug: PlantedBug = {}, traced = false): Promise<SimulationResult> {
  const trace: string[] = [], { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // hot path: building a stack trace is slower than handling the error
  const world = new World(new Random(seed), bug, traced ? (step) => trace.push(step) : undefined);
  try {
    const end = await schedule(world);
    const problems = end === "stuck" ? ["stuck: not quiet after the last step"] : violations(world);
    return { seed, problems, trace, ledger: world.ledger, renewed: world.renewed };
  } finally {
    for (const replica of [...world.replicas]) replica.kill();
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * Returns the first seed of a range whose schedule violates an invariant; undefined if there is none.
 *
 * @param problem matches the violation. Default: any.
 * @param isMeant returns whether to run a schedule with these settings. Default: all run.
 */
export async function findSeed(
  from: number,
  to: number,
  bug: PlantedBug = {},
  problem = /^/,
  isMeant: (settings: Settings) => boolean = () => true,
): Promise<number | undefined> {
  for (let seed = from; seed <= to; seed++) {
    if (!isMeant(randomSettings(new Random(seed)))) continue;
    const { problems } = await simulate(seed, bug);
    if (problems.some((text) => problem.test(text))) return seed;
  }
  return undefined;
}

/** Returns the steps of a schedule and its problems as text. */
export function describeResult({ seed, trace, problems }: SimulationResult): string {
  const steps = trace.map((step, i) => `${String(i).padStart(4)}  ${step}`);
  return [`seed ${seed}:`, ...steps, ...problems.map((problem) => `problem: ${problem}`)].join("\n");
}
