import type { Histogram } from "@opentelemetry/api";
import { type ErrorDetail, type Outcome, reasonOf } from "../core/outcome.ts";
import type { Metrics } from "./metrics.ts";
import type { Cell, Counter } from "./otel/metrics/counter.ts";
import type { Labels } from "./otel/metrics/instrument.ts";

export interface LastError {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly reason: string;
  readonly error: ErrorDetail;
}

/** The metrics of one function. Hot path: the series of an outcome are cached, so no labels are built per event. */
export class FunctionMetrics {
  readonly attempts: Cell;
  lastError: LastError | undefined;
  readonly #deliveries: Cell;
  readonly #redeliveries: Cell;
  readonly #outcomes: Counter;
  readonly #durations: Histogram;
  /** Series by kind of outcome, then by reason. */
  readonly #series = new Map<string, { readonly labels: Labels; readonly cells: Map<string, Cell> }>();

  constructor(readonly name: string, metrics: Metrics, durations: Histogram) {
    const labels = { function: name };
    this.attempts = metrics.counter("weir.function.attempts").cell(labels);
    this.#deliveries = metrics.counter("weir.function.deliveries").cell(labels);
    this.#redeliveries = metrics.counter("weir.function.redeliveries").cell(labels);
    this.#outcomes = metrics.counter("weir.function.outcomes");
    this.#durations = durations;
    this.#seriesOf("ack", ""); // a rate needs the 0 that a series starts from
  }

  began(deliveryCount: number): void {
    this.#deliveries.value++;
    if (deliveryCount > 1) this.#redeliveries.value++;
  }

  ended(outcome: Outcome, seconds: number, nowMs: () => number): void {
    const reason = reasonOf(outcome) ?? "";
    const { labels, cell } = this.#seriesOf(outcome.kind, reason);
    cell.value++;
    this.#durations.record(seconds, labels);
    const failed = (outcome.kind === "retry" || outcome.kind === "dead-letter") && outcome.error;
    if (failed && outcome.error.name !== "DependencyOpenError") { // the error that opened the breaker says more
      this.lastError = { atMs: nowMs(), reason, error: outcome.error };
    }
  }

  #seriesOf(kind: Outcome["kind"], reason: string): { labels: Labels; cell: Cell } {
    let series = this.#series.get(kind);
    if (!series) this.#series.set(kind, series = { labels: { function: this.name, outcome: kind }, cells: new Map() });
    let cell = series.cells.get(reason);
    if (!cell) series.cells.set(reason, cell = this.#outcomes.cell({ function: this.name, outcome: kind, reason }));
    return { labels: series.labels, cell };
  }
}
