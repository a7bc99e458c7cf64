import type { Random } from "./random.ts";

/** What holds for the whole of one schedule. Schedules differ in kind, not only in order: some faults, seldom all. */
export interface Settings {
  readonly events: number;
  readonly replicas: number;
  readonly attempts: number;
  readonly concurrency: number;
  /** The first backoff: a long one is delayed in RETRIES. */
  readonly initialMs: number;
  readonly breakerFailures: number;
  readonly breakerOpenForMs: number;
  readonly graceMs: number;
  /** How many steps may go wrong. */
  readonly faultySteps: number;
  /** How likely what is sent arrives, and what is asked is answered, at once. */
  readonly promptly: number;
  /** What may go wrong in this schedule. */
  readonly harms: readonly Harm[];
  /** How likely the next step is such a one, for each kind. */
  readonly harmful: number;
}

export type Harm = "fail" | "unanswered" | "lose" | "crash" | "stop" | "cut" | "late";

const HARMS: readonly Harm[] = ["fail", "unanswered", "lose", "crash", "stop", "cut", "late"];

export function makeSettings(random: Random): Settings {
  return {
    events: 1 + random.below(3),
    replicas: 1 + random.below(2),
    attempts: 1 + random.below(3),
    concurrency: random.pick([1, 2, 16]),
    initialMs: random.pick([250, 3_000, 12_000]),
    breakerFailures: random.pick([2, 10]),
    breakerOpenForMs: random.pick([4_000, 20_000]),
    graceMs: random.pick([1_000, 25_000]),
    faultySteps: 8 + random.below(32),
    promptly: random.pick([0.2, 0.8, 0.95]),
    harms: HARMS.filter(() => random.chance(0.35)),
    harmful: random.pick([0.02, 0.05, 0.1]),
  };
}
