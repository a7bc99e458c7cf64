import type { Plant } from "./compose.ts";
import { violations } from "./invariants.ts";
import type { Ledger } from "./ledger.ts";
import { Random } from "./random.ts";
import { schedule } from "./schedule.ts";
import { World } from "./world.ts";

/** What came of one schedule. */
export interface Simulated {
  readonly seed: number;
  /** What is not as it must be. */
  readonly problems: readonly string[];
  readonly ledger: Ledger;
  /** Every step; empty unless asked for. */
  readonly trace: readonly string[];
}

/** Runs the schedule of one seed. The same seed does the same every time. */
export async function simulate(seed: number, plant: Plant = {}, traced = false): Promise<Simulated> {
  const trace: string[] = [], { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // a stack costs more than all that is done with the error
  const world = new World(new Random(seed), plant, traced ? (step) => trace.push(step) : undefined);
  try {
    const end = await schedule(world);
    const problems = end === "stuck" ? ["it was not quiet after all that time: stuck"] : violations(world);
    return { seed, problems, trace, ledger: world.ledger };
  } finally {
    for (const replica of [...world.replicas]) replica.die();
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The first seed of a range at whose end something is wrong; undefined when there is none. */
export async function find(from: number, to: number, plant: Plant = {}): Promise<number | undefined> {
  for (let seed = from; seed <= to; seed++) {
    const { problems } = await simulate(seed, plant);
    if (problems.length > 0) return seed;
  }
  return undefined;
}

/** A schedule, step by step, and what is wrong at its end. */
export function report({ seed, trace, problems }: Simulated): string {
  const steps = trace.map((step, i) => `${String(i).padStart(4)}  ${step}`);
  return [`seed ${seed}:`, ...steps, ...problems.map((problem) => `wrong: ${problem}`)].join("\n");
}
