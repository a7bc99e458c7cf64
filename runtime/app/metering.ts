import { systemClock } from "../engine/system_clock.ts";
import type { Publisher } from "../engine/publisher.ts";
import type { Dispatcher } from "../engine/dispatcher.ts";
import type { HandlerMiddleware } from "../engine/handler_runner.ts";
import type { RequestMeter } from "../http/router.ts";
import type { DeadLetters } from "../nats/dead_letters/dead_letters.ts";
import { PublishError } from "../engine/publisher.ts";
import type { LagReader } from "../nats/inspect/consumer_lag.ts";
import type { LastError } from "../telemetry/function_metrics.ts";
import type { Labels } from "../telemetry/otel/metrics/instrument.ts";
import { MeteredObserver } from "../telemetry/metered_observer.ts";
import { MeteredPublisher } from "../telemetry/metered_publisher.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { TelemetryObserver } from "../telemetry/observer.ts";
import type { OutcomeEmitter } from "../telemetry/outcome_emitter.ts";
import { measureProcess } from "../telemetry/process_metrics.ts";
import type { CircuitBreaker } from "../engine/circuit_breaker.ts";

const STATES = ["closed", "open", "half-open"] as const;

/** Hangs the instruments on the parts of a runtime. */
export class Metering {
  readonly observer: MeteredObserver;
  readonly #stopMeasuring: () => void;
  readonly #ingress = { inFlight: 0 };

  constructor(readonly metrics: Metrics, observer: TelemetryObserver, outcomes: OutcomeEmitter) {
    this.observer = new MeteredObserver(observer, metrics, systemClock, outcomes);
    this.#stopMeasuring = measureProcess(metrics, systemClock);
    metrics.gauge("weir.ingress.in_flight", () => [[this.#ingress.inFlight]]);
    metrics.counter("weir.dead_letters");
    metrics.counter("weir.worker.restarts").cell({});
  }

  stop(): void {
    this.#stopMeasuring();
  }

  /** Returns middleware that counts each run of the function's handler. */
  attemptCounter(functionName: string): HandlerMiddleware {
    const { attempts } = this.observer.of(functionName);
    return (attempt, next) => {
      attempts.value++;
      return next(attempt);
    };
  }

  /** The last error of a function that this process saw. */
  lastError(functionName: string): LastError | undefined {
    return this.observer.of(functionName).lastError;
  }

  /** Publishers with the time that storing takes measured. */
  publishers(...inner: readonly Publisher[]): Publisher[] {
    const durations = this.metrics.histogram("weir.publish.duration");
    const problemOf = (error: unknown) => error instanceof PublishError ? error.code : "failed";
    return inner.map((publisher) => new MeteredPublisher(publisher, durations, problemOf));
  }

  /** Counts a dead letter once it is stored, and once only. */
  deadLetters(inner: DeadLetters): Pick<DeadLetters, "store"> {
    const stored = this.metrics.counter("weir.dead_letters");
    return {
      store: async (functionName, delivery, outcome, ...rest) => {
        const answer = await inner.store(functionName, delivery, outcome, ...rest);
        if (!answer.duplicate) stored.cell({ function: functionName, reason: outcome.reason }).value++;
        return answer;
      },
    };
  }

  /** What the two listeners tell of their requests. */
  requests(): { ingress: RequestMeter; admin: RequestMeter } {
    const durations = this.metrics.histogram("http.server.request.duration");
    const known = new Map<string, Labels>();
    const ended: RequestMeter["ended"] = (method, route, status, seconds) => {
      const key = `${method} ${status} ${route}`;
      let labels = known.get(key);
      if (!labels) {
        labels = { "http.request.method": method, "http.route": route, "http.response.status_code": status };
        known.set(key, labels);
      }
      durations.record(seconds, labels);
    };
    const ingress = this.#ingress;
    return {
      admin: { began: () => {}, ended },
      ingress: {
        began: () => void ingress.inFlight++,
        ended: (...request) => {
          ingress.inFlight--;
          ended(...request);
        },
      },
    };
  }

  /** The connection. Returns what is to be called after each reconnect. */
  connection(problem: () => string | undefined): () => void {
    const reconnects = this.metrics.counter("weir.nats.reconnects").cell({});
    this.metrics.gauge("weir.nats.connected", () => [[problem() === undefined ? 1 : 0]]);
    return () => void reconnects.value++;
  }

  /** What the functions of this process are at. */
  functions(workers: readonly Dispatcher[]): void {
    const each = (value: (worker: Dispatcher) => number) => () =>
      workers.map((worker) => [value(worker), { function: worker.pipeline.fn.name }] as const);
    this.metrics.gauge("weir.function.in_flight", each(({ inFlight }) => inFlight));
    this.metrics.gauge("weir.function.concurrency", each(({ pipeline }) => pipeline.fn.policy.concurrency));
    this.metrics.gauge(
      "weir.function.pulling",
      each(({ consumers }) => consumers.every((consumer) => consumer.problem() === undefined) ? 1 : 0),
    );
    this.metrics.gauge(
      "weir.breaker.state",
      () =>
        breakersOf(workers).flatMap(({ of, name, state }) =>
          STATES.map((kind) => [state.kind === kind ? 1 : 0, { of, name, state: kind }] as const)
        ),
    );
  }

  /** How far behind they are, over all replicas. */
  lag(reader: LagReader): void {
    const values = {
      "weir.function.pending": "pending",
      "weir.function.ack_pending": "ackPending",
      "weir.function.delayed_retries": "delayedRetries",
      "weir.function.oldest_waiting_age": "oldestWaitingMs",
      "weir.dead_letters.waiting": "deadLetters",
    } as const;
    const names = Object.keys(values) as (keyof typeof values)[];
    this.metrics.gauges(names, async (observe) => {
      for (const [name, lag] of await reader.read()) {
        for (const instrument of names) {
          const value = lag[values[instrument]];
          if (value === undefined) continue; // a number that is not known is left out: 0 would say that all is well
          observe(instrument, instrument.endsWith("_age") ? value / 1_000 : value, { function: name });
        }
      }
    });
  }
}

/** Every breaker of these functions once: they share those of what they depend on. */
export function breakersOf(workers: readonly Dispatcher[]): CircuitBreaker[] {
  return [...new Set(workers.flatMap(({ pipeline }) => pipeline.breakers))];
}
