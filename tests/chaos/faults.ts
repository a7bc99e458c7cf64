import { pause } from "./pause.ts";
import type { Publisher } from "./publisher.ts";

export type FaultKind =
  | "runtime kill -9"
  | "runtime SIGTERM"
  | "runtime stop"
  | "server kill -9"
  | "server restart"
  | "server stop"
  | "consumer step-down"
  | "stream step-down"
  | "leader kill -9"
  | "node back";

/** An injected fault, with times of the clock that also dates effects. */
export interface Fault {
  readonly kind: FaultKind;
  readonly target: string;
  /** The process that was hit. */
  readonly pid: number;
  readonly atMs: number;
  /** When the process was started again or continued, or another node led. */
  readonly overMs: number;
  /** The function whose effects show how long the fault lasted. */
  readonly fn: string;
}

/** A planned fault. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** True when the next fault does not wait for the end of this one. */
  readonly concurrent?: boolean;
  /** Injects the fault, and repairs it. */
  run(): Promise<{ target: string; pid: number; atMs: number; fn?: string }>;
}

/** Shares of the load between which faults are injected. Load after the last fault lets its gap be measured. */
const SPREAD = { from: 0.06, to: 0.92 };
/** Pause between two faults, so that their effects can be told apart. */
const CALM_MS = 1_500;

/** Injects faults one after the other, spread over the load. */
export async function runFaults(
  planned: readonly PlannedFault[],
  publisher: Publisher,
  progress: (line: string) => void,
  calmMs = CALM_MS,
): Promise<Fault[]> {
  const faults: Fault[] = [], concurrent: Promise<void>[] = [];
  const inject = async (plan: PlannedFault) => {
    const { fn = "answer", ...injected } = await plan.run();
    const fault = { kind: plan.kind, ...injected, overMs: performance.now(), fn };
    faults.push(fault);
    progress(`${fault.kind} of ${fault.target}, over after ${Math.round(fault.overMs - fault.atMs)} ms`);
  };
  for (const [i, plan] of planned.entries()) {
    const share = SPREAD.from + (SPREAD.to - SPREAD.from) * i / Math.max(1, planned.length - 1);
    await publisher.hasSent(Math.floor(publisher.load.events * share));
    const running = inject(plan);
    if (plan.concurrent) concurrent.push(running);
    else await running;
    await pause(calmMs);
  }
  await Promise.all(concurrent);
  return faults.toSorted((one, other) => one.atMs - other.atMs);
}
