import type { Fault, FaultKind } from "./faults.ts";
import type { Effect } from "./ledger.ts";

/** How long a fault was felt. */
export interface Gap {
  readonly fault: Fault;
  /** The longest time without an effect. */
  readonly ms: number;
  /** What it must stay below; undefined: it is only reported. */
  readonly barMs: number | undefined;
}

/** Without a leader nothing is handed out: a killed one is missed for some seconds, one that steps down hands over. */
const BAR_MS: Partial<Record<FaultKind, number>> = {
  "broker kill -9": 1_000,
  "broker restart": 1_000,
  "broker stop": 1_000,
  "consumer step-down": 1_000,
  "stream step-down": 1_000,
  "leader kill -9": 6_000,
};
/** A server that is away cannot be worked with: what counts is the time from its return. */
const FROM_ITS_END: readonly FaultKind[] = ["broker kill -9", "broker restart", "broker stop"];
const WINDOW_MS = 10_000;
/** An election takes what the servers take for it, four to nine seconds by chance: from its end on this much is left. */
const AFTER_ELECTION_MS = 1_000;

/** The gap after each fault: up to the next fault, the end of the load, or ten seconds. */
export function gapsOf(faults: readonly Fault[], effects: readonly Effect[], loadEndedMs: number): Gap[] {
  return faults.flatMap((fault) => {
    const fromMs = FROM_ITS_END.includes(fault.kind) ? fault.overMs : fault.atMs;
    const next = faults.find(({ atMs }) => atMs > fromMs);
    const toMs = Math.min(fromMs + WINDOW_MS, loadEndedMs, next?.atMs ?? Infinity);
    if (toMs <= fromMs) return [];
    const times = effects.filter(({ fn, atMs }) => fn === fault.fn && atMs > fromMs && atMs < toMs)
      .map(({ atMs }) => atMs);
    return [{ fault, ms: longestBetween([fromMs, ...times, toMs]), barMs: barOf(fault) }];
  });
}

function barOf({ kind, atMs, overMs }: Fault): number | undefined {
  const barMs = BAR_MS[kind];
  return kind === "leader kill -9" ? Math.max(barMs!, overMs - atMs + AFTER_ELECTION_MS) : barMs;
}

function longestBetween(times: readonly number[]): number {
  return times.reduce((longest, time, i) => i === 0 ? longest : Math.max(longest, time - times[i - 1]), 0);
}
