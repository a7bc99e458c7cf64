import { context, ROOT_CONTEXT } from "@opentelemetry/api";

export const SIGNALS = ["traces", "logs", "metrics"] as const;
/** A kind of telemetry, as OpenTelemetry names it. */
export type Signal = typeof SIGNALS[number];

/** Milliseconds between two warnings about one signal: an unreachable collector drops something every second. */
const REPORT_INTERVAL_MS = 30_000;
const ITEMS = { traces: "spans", logs: "log records", metrics: "metric exports" } as const;

const counts: Record<Signal, number> = { traces: 0, logs: 0, metrics: 0 };
let listener: ((signal: Signal, count: number, reason: string) => void) | undefined;

/** Counts items that were not exported, for that reason. */
export function countDropped(signal: Signal, count: number, reason: string): void {
  if (count === 0) return;
  counts[signal] += count;
  listener?.(signal, count, reason);
}

/** Advice for an HTTP status of the collector. */
const REFUSALS: Readonly<Record<number, string>> = {
  401: ": check the credentials in OTEL_EXPORTER_OTLP_HEADERS",
  403: ": check the credentials in OTEL_EXPORTER_OTLP_HEADERS",
  404: ": check the path of OTEL_EXPORTER_OTLP_ENDPOINT",
};

/** Returns why the collector did not accept an export, from the exporter's error: its HTTP status, or what failed. */
export function refusalOf(error: Error | undefined): string {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === "number") return `the collector answered with HTTP ${code}${REFUSALS[code] ?? ""}`;
  // The SDK tells no status of those after which it has sent an export again.
  if (error?.name === "OTLPExporterError") return "the collector is busy or unavailable: HTTP 429, 502, 503 or 504";
  return `the collector cannot be reached: ${error?.message ?? "the export failed"}`;
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
  const reasons: Partial<Record<Signal, string>> = {};
  const report = (signal: Signal) => {
    if (unreported[signal] === 0) return;
    const fields = { signal, dropped: unreported[signal], dropped_in_all: counts[signal] };
    // Reset before logging: the warning is itself a log record that may be dropped.
    unreported[signal] = 0;
    reportedAtMs[signal] = now();
    // In the root context: the drop belongs to no trace, whichever span is active now.
    context.with(
      ROOT_CONTEXT,
      () => warn(`${ITEMS[signal]} were dropped: ${reasons[signal]}`, fields),
    );
  };
  listener = (signal, count, reason) => {
    unreported[signal] += count;
    reasons[signal] = reason;
    if (now() - reportedAtMs[signal] >= REPORT_INTERVAL_MS) report(signal);
  };
  return () => {
    listener = undefined;
    for (const signal of SIGNALS) report(signal);
  };
}
