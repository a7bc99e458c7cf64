import { context, ROOT_CONTEXT } from "@opentelemetry/api";

export const SIGNALS = ["traces", "logs", "metrics"] as const;
/** A kind of telemetry, as OpenTelemetry names it. */
export type Signal = typeof SIGNALS[number];

/** Milliseconds between two warnings about one signal: an unreachable collector drops something every second. */
const REPORT_INTERVAL_MS = 30_000;
const ITEMS = { traces: "spans", logs: "log records", metrics: "metric exports" } as const;

const counts: Record<Signal, number> = { traces: 0, logs: 0, metrics: 0 };
let listener: ((signal: Signal, count: number) => void) | undefined;

/** Counts items that were not exported: the collector refused them or was too slow, or the queue was full. */
export function countDropped(signal: Signal, count: number): void {
  if (count === 0) return;
  counts[signal] += count;
  listener?.(signal, count);
}

/** Returns how many items of a signal this process has dropped since it started. */
export function droppedCount(signal: Signal): number {
  return counts[signal];
}

/**
 * Logs a warning when items are dropped: for the first one at once, for later ones every 30 seconds.
 *
 * @returns a function that logs the remaining drops and stops
 */
export function reportDrops(
  warn: (message: string, fields: Readonly<Record<string, unknown>>) => void,
  now: () => number = () => performance.now(),
): () => void {
  const unreported: Record<Signal, number> = { traces: 0, logs: 0, metrics: 0 };
  const reportedAtMs: Record<Signal, number> = { traces: -Infinity, logs: -Infinity, metrics: -Infinity };
  const report = (signal: Signal) => {
    if (unreported[signal] === 0) return;
    const fields = { signal, dropped: unreported[signal], dropped_in_all: counts[signal] };
    // Reset before logging: the warning is itself a log record that may be dropped.
    unreported[signal] = 0;
    reportedAtMs[signal] = now();
    // In the root context: the drop belongs to no trace, whichever span is active now.
    context.with(
      ROOT_CONTEXT,
      () => warn(`${ITEMS[signal]} were dropped: the collector is too slow, refuses them or is unreachable`, fields),
    );
  };
  listener = (signal, count) => {
    unreported[signal] += count;
    if (now() - reportedAtMs[signal] >= REPORT_INTERVAL_MS) report(signal);
  };
  return () => {
    listener = undefined;
    for (const signal of SIGNALS) report(signal);
  };
}
