import { type ErrorDetail, type Outcome, reasonOf } from "../core/outcome.ts";
import type { Attempt } from "../engine/attempt.ts";
import type { BreakerChange } from "../engine/circuit_breaker.ts";
import type { ServerClock } from "../engine/clock.ts";
import type { Observer } from "../engine/observer.ts";
import type { Settlement } from "../engine/settler.ts";
import type { Metrics } from "./metrics.ts";
import type { Cell, Counter } from "./otel/metrics/counter.ts";
import type { Histogram, HistogramCell } from "./otel/metrics/histogram.ts";
import type { OutcomeEmitter } from "./outcome_emitter.ts";

/** Adds metrics to another observer, and tells listeners each outcome. */
export class MeteredObserver implements Observer {
  readonly #functions = new Map<string, FunctionMetrics>();
  readonly #durations: Histogram;

  constructor(
    readonly inner: Observer,
    readonly metrics: Metrics,
    readonly clock: ServerClock,
    readonly outcomes: OutcomeEmitter,
  ) {
    this.#durations = metrics.histogram("weir.function.duration");
    metrics.counter("weir.breaker.changes");
  }

  of(functionName: string): FunctionMetrics {
    return this.#functions.get(functionName) ?? this.#create(functionName);
  }

  #create(functionName: string): FunctionMetrics {
    const created = new FunctionMetrics(functionName, this.metrics, this.#durations);
    this.#functions.set(functionName, created);
    return created;
  }

  begin(attempt: Attempt): void {
    this.of(attempt.functionName).began(attempt.delivery.deliveryCount);
    this.inner.begin(attempt);
  }

  end(attempt: Attempt, outcome: Outcome, settlement: Settlement): void {
    this.inner.end(attempt, outcome, settlement);
    if (!settlement.ok) return; // the next delivery has the outcome that counts
    const durationMs = attempt.endedAtMs - attempt.startedAtMs;
    this.of(attempt.functionName).ended(outcome, durationMs / 1_000, this.clock);
    if (this.outcomes.watched) this.outcomes.tell({ attempt, outcome, durationMs });
  }

  breakerChanged(change: BreakerChange): void {
    const { of, name, to } = change;
    this.metrics.counter("weir.breaker.changes").cell({ of, name, to }).value++;
    this.inner.breakerChanged(change);
  }
}

export interface LastError {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly reason: string;
  readonly error: ErrorDetail;
}

interface Series {
  readonly count: Cell;
  readonly duration: HistogramCell;
}

/** The metrics of one function. Hot path: series are cached, so an event builds no labels and no closures. */
class FunctionMetrics {
  readonly attempts: Cell;
  lastError: LastError | undefined;
  readonly #deliveries: Cell;
  readonly #redeliveries: Cell;
  readonly #outcomes: Counter;
  readonly #durations: Histogram;
  readonly #acked: Series;
  /** Series of all outcomes by kind, then by reason. */
  readonly #series = new Map<string, Map<string, Series>>();

  constructor(readonly name: string, metrics: Metrics, durations: Histogram) {
    const labels = { function: name };
    this.attempts = metrics.counter("weir.function.attempts").cell(labels);
    this.#deliveries = metrics.counter("weir.function.deliveries").cell(labels);
    this.#redeliveries = metrics.counter("weir.function.redeliveries").cell(labels);
    this.#outcomes = metrics.counter("weir.function.outcomes");
    this.#durations = durations;
    this.#acked = this.#seriesOf("ack", ""); // a rate needs the 0 that a series starts from
  }

  began(deliveryCount: number): void {
    this.#deliveries.value++;
    if (deliveryCount > 1) this.#redeliveries.value++;
  }

  ended(outcome: Outcome, seconds: number, clock: ServerClock): void {
    const reason = reasonOf(outcome) ?? "";
    const { count, duration } = outcome.kind === "ack" && reason === ""
      ? this.#acked
      : this.#seriesOf(outcome.kind, reason);
    count.value++;
    duration.record(seconds);
    const failed = (outcome.kind === "retry" || outcome.kind === "dead-letter") && outcome.error;
    if (failed && outcome.error.name !== "DependencyOpenError") { // the error that opened the breaker says more
      this.lastError = { atMs: clock.serverNow(), reason, error: outcome.error };
    }
  }

  #seriesOf(kind: Outcome["kind"], reason: string): Series {
    const { name } = this;
    const byReason = this.#series.getOrInsertComputed(kind, () => new Map());
    return byReason.getOrInsertComputed(reason, () => ({
      count: this.#outcomes.cell({ function: name, outcome: kind, reason }),
      duration: this.#durations.cell({ function: name, outcome: kind }),
    }));
  }
}
