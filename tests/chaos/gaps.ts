import type { Fault, FaultKind } from "./faults.ts";
import type { Effect } from "./ledger.ts";

/** How long a fault interrupted effects. */
export interface Gap {
  readonly fault: Fault;
  /** The longest time without an effect. */
  readonly ms: number;
  /** The exclusive upper bound for `ms`; undefined if it is only reported. */
  readonly barMs: number | undefined;
}

/** Upper bounds. A killed leader is replaced after some seconds, one that steps down at once. */
const BAR_MS: Partial<Record<FaultKind, number>> = {
  "server kill -9": 1_000,
  "server restart": 1_000,
  "server stop": 1_000,
  "consumer step-down": 1_000,
  "stream step-down": 1_000,
  "leader kill -9": 6_000,
};
/** Faults whose gap begins when the server is back. */
const FROM_ITS_END: readonly FaultKind[] = ["server kill -9", "server restart", "server stop"];
const WINDOW_MS = 10_000;
/** Bounds the gap after an election. The election itself takes four to nine seconds. */
const AFTER_ELECTION_MS = 1_000;

/** Returns the gap after each fault: up to the next fault, the end of the load, or ten seconds. */
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
