import { pause } from "./pause.ts";
import type { Publisher } from "./publisher.ts";

export type FaultKind =
  | "runtime kill -9"
  | "runtime SIGTERM"
  | "runtime stop"
  | "broker kill -9"
  | "broker restart"
  | "broker stop"
  | "consumer step-down"
  | "stream step-down"
  | "leader kill -9"
  | "node back";

/** What was done to a process, and when, in the clock of the effects. */
export interface Fault {
  readonly kind: FaultKind;
  readonly target: string;
  /** The process it was done to. */
  readonly pid: number;
  readonly atMs: number;
  /** When it was over: started again, continued, led by another. */
  readonly overMs: number;
  /** Whose work tells how long the fault was felt. */
  readonly fn: string;
}

/** A fault that is still to come. */
export interface Plan {
  readonly kind: FaultKind;
  /** The next fault does not wait for its end. */
  readonly beside?: boolean;
  /** Does it, and undoes it. */
  run(): Promise<{ target: string; pid: number; atMs: number; fn?: string }>;
}

/** The load ends some time after the last fault, so that what follows it is felt. */
const SPREAD = { from: 0.06, to: 0.92 };
/** Without a moment between them the effects of two could not be told apart. */
const CALM_MS = 1_500;

/** Does one fault after the other, spread over the load, and says what was done. */
export async function runFaults(
  plans: readonly Plan[],
  publisher: Publisher,
  say: (line: string) => void,
  calmMs = CALM_MS,
): Promise<Fault[]> {
  const faults: Fault[] = [], beside: Promise<void>[] = [];
  const run = async (plan: Plan) => {
    const { fn = "answer", ...done } = await plan.run();
    const fault = { kind: plan.kind, ...done, overMs: performance.now(), fn };
    faults.push(fault);
    say(`${fault.kind} of ${fault.target}, over after ${Math.round(fault.overMs - fault.atMs)} ms`);
  };
  for (const [i, plan] of plans.entries()) {
    const share = SPREAD.from + (SPREAD.to - SPREAD.from) * i / Math.max(1, plans.length - 1);
    await publisher.reached(Math.floor(publisher.load.events * share));
    const running = run(plan);
    if (plan.beside) beside.push(running);
    else await running;
    await pause(calmMs);
  }
  await Promise.all(beside);
  return faults.toSorted((one, other) => one.atMs - other.atMs);
}
