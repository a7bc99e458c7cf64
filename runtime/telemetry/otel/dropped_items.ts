import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import type { Log } from "../../api/context.ts";

/** What can be dropped on its way to a collector. */
export type Signal = "traces" | "logs" | "metrics";

/** A collector that is gone drops something every second: it is told of this often. */
const AGAIN_MS = 30_000;
const counts: Record<Signal, number> = { traces: 0, logs: 0, metrics: 0 };
let listener: ((signal: Signal, count: number) => void) | undefined;

/** Counts what a collector did not take in time, or had no room to wait for it. */
export function countDropped(signal: Signal, count: number): void {
  if (count === 0) return;
  counts[signal] += count;
  listener?.(signal, count);
}

/** How much of a signal this process has dropped since it began. */
export function dropped(signal: Signal): number {
  return counts[signal];
}

/**
 * Says in the log what is dropped: the first at once, more of it every half a minute.
 *
 * @returns what says the rest, and stops
 */
export function reportDrops(log: Log, now: () => number = Date.now): () => void {
  const untold: Record<Signal, number> = { traces: 0, logs: 0, metrics: 0 };
  const toldAtMs: Record<Signal, number> = { traces: -Infinity, logs: -Infinity, metrics: -Infinity };
  const tell = (signal: Signal) => {
    if (untold[signal] === 0) return;
    const what = signal === "traces" ? "spans" : signal === "logs" ? "log records" : "metric exports";
    const fields = { signal, dropped: untold[signal], dropped_in_all: counts[signal] };
    // Before it is said: that is itself a record, and may be dropped.
    untold[signal] = 0;
    toldAtMs[signal] = now();
    // What is dropped belongs to no order, whoever was at work when it was found out.
    context.with(
      ROOT_CONTEXT,
      () => log.warn(`the collector takes too little or nothing: ${what} were dropped`, fields),
    );
  };
  listener = (signal, count) => {
    untold[signal] += count;
    if (now() - toldAtMs[signal] >= AGAIN_MS) tell(signal);
  };
  return () => {
    listener = undefined;
    for (const signal of ["traces", "logs", "metrics"] as const) tell(signal);
  };
}
