import type { Histogram } from "@opentelemetry/api";
import type { Outcome } from "../core/outcome.ts";
import type { Attempt } from "../engine/attempt.ts";
import type { BreakerChange } from "../engine/circuit_breaker.ts";
import type { Clock } from "../engine/clock.ts";
import type { Observer } from "../engine/observer.ts";
import { FunctionMetrics } from "./function_metrics.ts";
import type { Metrics } from "./metrics.ts";
import type { OutcomeEmitter } from "./outcome_emitter.ts";

/** Adds metrics to another observer, and tells listeners each outcome. */
export class MeteredObserver implements Observer {
  readonly #functions = new Map<string, FunctionMetrics>();
  readonly #durations: Histogram;

  constructor(
    readonly inner: Observer,
    readonly metrics: Metrics,
    readonly clock: Clock,
    readonly outcomes: OutcomeEmitter,
  ) {
    this.#durations = metrics.histogram("weir.function.duration");
    metrics.counter("weir.breaker.changes");
  }

  of(functionName: string): FunctionMetrics {
    let found = this.#functions.get(functionName);
    if (!found) {
      this.#functions.set(functionName, found = new FunctionMetrics(functionName, this.metrics, this.#durations));
    }
    return found;
  }

  begin(attempt: Attempt): void {
    this.of(attempt.functionName).began(attempt.delivery.deliveryCount);
    this.inner.begin(attempt);
  }

  end(attempt: Attempt, outcome: Outcome): void {
    this.inner.end(attempt, outcome);
    const durationMs = performance.now() - attempt.startedAtMs;
    this.of(attempt.functionName).ended(outcome, durationMs / 1_000, this.clock.now);
    if (this.outcomes.watched) this.outcomes.tell({ attempt, outcome, durationMs });
  }

  breakerChanged(change: BreakerChange): void {
    const { of, name, to } = change;
    this.metrics.counter("weir.breaker.changes").cell({ of, name, to }).value++;
    this.inner.breakerChanged(change);
  }
}
