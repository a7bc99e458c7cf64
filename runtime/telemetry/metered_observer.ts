import type { BreakerChange, Clock, Invocation, Observer, Scope } from "../engine/ports.ts";
import { type MaybePromise, then } from "../engine/maybe_promise.ts";
import type { Outcome } from "../core/outcome.ts";
import { FunctionMetrics } from "./function_metrics.ts";
import type { Metrics } from "./metrics.ts";
import type { Recorder } from "./otel/metrics/histogram.ts";
import type { TelemetryObserver } from "./observer.ts";
import type { OutcomeEmitter } from "./outcome_emitter.ts";
import { epochMs } from "./otel/spans/span_clock.ts";

/** Counts what another observer sees. */
export class MeteredObserver implements Observer {
  readonly #functions = new Map<string, FunctionMetrics>();
  readonly #durations: Recorder;

  constructor(
    readonly inner: Pick<TelemetryObserver, "observe" | "breakerChanged">,
    readonly metrics: Metrics,
    readonly clock: Clock,
    readonly outcomes: OutcomeEmitter,
  ) {
    this.#durations = metrics.histogram("weir.function.duration");
    metrics.counter("weir.breaker.changes");
  }

  /** Returns the metrics of a function, creating them on first use. */
  of(functionName: string): FunctionMetrics {
    let found = this.#functions.get(functionName);
    if (!found) {
      this.#functions.set(functionName, found = new FunctionMetrics(functionName, this.metrics, this.#durations));
    }
    return found;
  }

  observe<O extends Outcome>(invocation: Invocation, run: (scope: Scope) => MaybePromise<O>): MaybePromise<O> {
    const counts = this.of(invocation.functionName), fromMs = performance.now();
    counts.began(invocation.delivery.deliveryCount);
    let traceId = "";
    const watched = !this.outcomes.watched ? run : (scope: Scope) => {
      traceId = scope.span.spanContext().traceId;
      return run(scope);
    };
    return then(this.inner.observe(invocation, watched, epochMs(fromMs)), (outcome) => {
      const durationMs = performance.now() - fromMs;
      counts.ended(outcome, durationMs / 1_000, this.clock.now);
      if (this.outcomes.watched) this.outcomes.tell({ invocation, outcome, durationMs, traceId });
      return outcome;
    });
  }

  breakerChanged(change: BreakerChange): void {
    const { of, name, to } = change;
    this.metrics.counter("weir.breaker.changes").cell({ of, name, to }).value++;
    this.inner.breakerChanged(change);
  }
}
