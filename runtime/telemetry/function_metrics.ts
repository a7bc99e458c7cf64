import type { ErrorDetail, Outcome } from "../core/outcome.ts";
import type { Labels } from "./instruments.ts";
import type { Metrics, Recorder } from "./otel/metrics.ts";
import type { Cell, Counter } from "./otel/counter.ts";

/** The last thing that went wrong in a function. */
export interface LastError {
  /** When: milliseconds since 1970. */
  readonly atMs: number;
  /** What became of the event. */
  readonly reason: string;
  readonly error: ErrorDetail;
}

/** What is counted of one function. Everything that an event needs is looked up by the few words of its outcome. */
export class FunctionMetrics {
  readonly attempts: Cell;
  lastError: LastError | undefined;
  readonly #deliveries: Cell;
  readonly #redeliveries: Cell;
  readonly #outcomes: Counter;
  readonly #durations: Recorder;
  /** By kind of outcome, and then by reason. */
  readonly #ends = new Map<string, { readonly labels: Labels; readonly cells: Map<string, Cell> }>();

  constructor(readonly name: string, metrics: Metrics, durations: Recorder) {
    const labels = { function: name };
    this.attempts = metrics.counter("weir.function.attempts").cell(labels);
    this.#deliveries = metrics.counter("weir.function.deliveries").cell(labels);
    this.#redeliveries = metrics.counter("weir.function.redeliveries").cell(labels);
    this.#outcomes = metrics.counter("weir.function.outcomes");
    this.#durations = durations;
    this.#end("ack", ""); // from 0 on: a rate needs a beginning
  }

  began(deliveryCount: number): void {
    this.#deliveries.value++;
    if (deliveryCount > 1) this.#redeliveries.value++;
  }

  ended(outcome: Outcome, seconds: number, nowMs: () => number): void {
    const reason = reasonOf(outcome);
    const { labels, cell } = this.#end(outcome.kind, reason);
    cell.value++;
    this.#durations.record(seconds, labels);
    const failed = (outcome.kind === "retry" || outcome.kind === "dead-letter") && outcome.error;
    if (failed && outcome.error.name !== "DependencyOpenError") { // which says nothing of why
      this.lastError = { atMs: nowMs(), reason, error: outcome.error };
    }
  }

  #end(kind: Outcome["kind"], reason: string): { labels: Labels; cell: Cell } {
    let end = this.#ends.get(kind);
    if (!end) this.#ends.set(kind, end = { labels: { function: this.name, outcome: kind }, cells: new Map() });
    let cell = end.cells.get(reason);
    if (!cell) end.cells.set(reason, cell = this.#outcomes.cell({ function: this.name, outcome: kind, reason }));
    return { labels: end.labels, cell };
  }
}

function reasonOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case "ack":
      return outcome.skipped ?? "";
    case "lease-expired":
      return "";
    default:
      return outcome.reason;
  }
}
