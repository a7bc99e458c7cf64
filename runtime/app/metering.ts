import { systemClock } from "../engine/system_clock.ts";
import type { KeyedOrder } from "../engine/keyed_order.ts";
import type { PartitionedOrder } from "../engine/partitioned_order.ts";
import type { Dispatcher } from "../engine/dispatcher.ts";
import type { HandlerMiddleware } from "../engine/handler_runner.ts";
import type { RequestMeter } from "../http/router.ts";
import type { ConnectionMonitor } from "../nats/client/connection_monitor.ts";
import type { Config } from "./config.ts";
import type { ServerTime } from "../nats/client/server_time.ts";
import type { Service } from "./service.ts";
import type { DeadLetters } from "../nats/dead_letters/dead_letters.ts";
import type { Publisher } from "../engine/publisher.ts";
import type { LagReader } from "../nats/inspect/consumer_lag.ts";
import type { HistogramCell } from "../telemetry/otel/metrics/histogram.ts";
import { type LastError, MeteredObserver } from "../telemetry/metered_observer.ts";
import { MeteredPublisher } from "../telemetry/metered_publisher.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { TelemetryObserver } from "../telemetry/observer.ts";
import type { OutcomeEmitter } from "../telemetry/outcome_emitter.ts";
import { measureProcess } from "../telemetry/process_metrics.ts";
import type { CircuitBreaker } from "../engine/circuit_breaker.ts";
import { eventsAtOnce } from "../project/batch_policy.ts";

const STATES = ["closed", "open", "half-open"] as const;
/** Gauges of a function's backlog, and the field of {@linkcode LagReader} that each shows. */
const LAG_GAUGES = {
  "weir.function.pending": "pending",
  "weir.function.ack_pending": "ackPending",
  "weir.function.delayed_retries": "delayedRetries",
  "weir.function.oldest_waiting_age": "oldestWaitingMs",
  "weir.dead_letters.waiting": "deadLetters",
} as const;

/** Instruments the parts of a runtime. */
export class Metering implements Service {
  readonly observer: MeteredObserver;
  readonly requests: { readonly ingress: RequestMeter; readonly admin: RequestMeter };
  #stopMeasuring: () => void = () => {};

  constructor(
    readonly metrics: Metrics,
    observer: TelemetryObserver,
    outcomes: OutcomeEmitter,
    roles: Config["WEIR_ROLES"],
  ) {
    this.observer = new MeteredObserver(observer, metrics, systemClock, outcomes);
    this.requests = requestMeters(metrics, roles.includes("ingress"));
    metrics.counter("weir.dead_letters");
    metrics.counter("weir.worker.restarts").cell({});
    metrics.counter("weir.uncaught_errors").cell({ function: "" });
  }

  start(): void {
    this.#stopMeasuring = measureProcess(this.metrics, systemClock);
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

  lastError(functionName: string): LastError | undefined {
    return this.observer.of(functionName).lastError;
  }

  /** Returns a publisher that also measures how long storing takes. */
  publisher(inner: Publisher): Publisher {
    return new MeteredPublisher(inner, this.metrics.histogram("weir.publish.duration"));
  }

  /** Returns dead letters that are counted once each, when they are stored. */
  deadLetters(inner: DeadLetters): Pick<DeadLetters, "store"> {
    const stored = this.metrics.counter("weir.dead_letters");
    return {
      store: async (functionName, delivery, outcome, ...rest) => {
        const result = await inner.store(functionName, delivery, outcome, ...rest);
        if (!result.duplicate) stored.cell({ function: functionName, reason: outcome.reason }).value++;
        return result;
      },
    };
  }

  /** Adds the gauges of the connection, of the functions and of their backlog. */
  measure(monitor: ConnectionMonitor, clock: ServerTime, dispatchers: readonly Dispatcher[], lag: LagReader): void {
    const reconnects = this.metrics.counter("weir.nats.reconnects").cell({});
    monitor.onReconnect(() => void reconnects.value++);
    this.metrics.gauge("weir.nats.connected", () => [[monitor.problem() === undefined ? 1 : 0]]);
    this.metrics.gauge("weir.nats.clock_ahead", () => {
      const aheadMs = clock.aheadMs();
      return aheadMs === undefined ? [] : [[aheadMs / 1_000]];
    });
    this.#measureFunctions(dispatchers);
    this.#measureLag(lag);
  }

  #measureFunctions(dispatchers: readonly Dispatcher[]): void {
    const each = (value: (dispatcher: Dispatcher) => number) => () =>
      dispatchers.map((dispatcher) => [value(dispatcher), { function: dispatcher.pipeline.fn.name }] as const);
    this.metrics.gauge("weir.function.in_flight", each((dispatcher) => inFlightOf(dispatcher)));
    this.metrics.gauge(
      "weir.function.concurrency",
      each(({ pipeline: { fn: { policy } } }) => policy.shares ? policy.concurrency : eventsAtOnce(policy)),
    );
    this.metrics.gauge(
      "weir.function.limit",
      each(({ pipeline }) => pipeline.adaptive?.limit ?? pipeline.fn.policy.concurrency),
    );
    this.metrics.gauge("weir.function.key_waiting", each(({ pipeline }) => pipeline.shares?.waiting ?? 0));
    this.metrics.gauge(
      "weir.function.pulling",
      each(({ consumers }) => consumers.every((consumer) => consumer.problem() === undefined) ? 1 : 0),
    );
    this.metrics.gauge("weir.function.rate_limited", each(({ pipeline }) => pipeline.rate?.permits() === 0 ? 1 : 0));
    this.metrics.gauge("weir.function.rate_waiting", each(({ pipeline }) => pipeline.rate?.waiting ?? 0));
    this.metrics.gauge("weir.function.rate_local", each(({ pipeline }) => pipeline.rate?.isLocal() ? 1 : 0));
    const orders = (value: (order: KeyedOrder | PartitionedOrder) => number) =>
      each(({ pipeline: { order, partitioned = order } }) => partitioned ? value(partitioned) : 0);
    this.metrics.gauge("weir.function.order_holder", orders(({ state }) => state === "standby" ? 0 : 1));
    this.metrics.gauge(
      "weir.function.order_partitions",
      each(({ pipeline: { partitioned } }) => partitioned?.held.length ?? 0),
    );
    this.metrics.gauge("weir.function.order_waiting", orders(({ unsettled }) => unsettled));
    this.metrics.gauge("weir.function.order_blocked_keys", orders(({ blockedKeys }) => blockedKeys));
    this.metrics.gauge("weir.function.order_parked_keys", orders(({ parkedKeys }) => parkedKeys));
    this.metrics.gauge(
      "weir.breaker.state",
      () =>
        breakersOf(dispatchers).flatMap(({ of, name, state }) =>
          STATES.map((kind) => [state.kind === kind ? 1 : 0, { of, name, state: kind }] as const)
        ),
    );
    this.metrics.gauge(
      "weir.breaker.local",
      () =>
        breakersOf(dispatchers).map((breaker) =>
          [breaker.problem() === undefined ? 0 : 1, { of: breaker.of, name: breaker.name }] as const
        ),
    );
  }

  #measureLag(reader: LagReader): void {
    const names = Object.keys(LAG_GAUGES) as (keyof typeof LAG_GAUGES)[];
    this.metrics.gauges([...names, "weir.function.paused"], async (observe) => {
      for (const [name, lag] of await reader.read()) {
        const { pausedUntil, pending } = lag;
        if (pending !== undefined) observe("weir.function.paused", pausedUntil ? 1 : 0, { function: name });
        for (const instrument of names) {
          const value = lag[LAG_GAUGES[instrument]];
          if (value === undefined) continue; // an unknown value is omitted: 0 would report that all is well
          observe(instrument, instrument.endsWith("_age") ? value / 1_000 : value, { function: name });
        }
      }
    });
  }
}

/** Returns how many deliveries a dispatcher handles, without those that wait for their key. */
export function inFlightOf({ running, pipeline: { shares } }: Dispatcher): number {
  return shares?.running ?? running;
}

/** Creates the meters of both listeners. Requests of the ingress are also counted while they are open. */
function requestMeters(metrics: Metrics, hasIngress: boolean): Metering["requests"] {
  const durations = metrics.histogram("http.server.request.duration"), known = new Map<string, HistogramCell>();
  let inFlight = 0;
  metrics.gauge("weir.ingress.in_flight", () => hasIngress ? [[inFlight]] : []);
  const ended: RequestMeter["ended"] = (method, route, status, seconds) => {
    const create = () =>
      durations.cell({ "http.request.method": method, "http.route": route, "http.response.status_code": status });
    known.getOrInsertComputed(`${method} ${status} ${route}`, create).record(seconds);
  };
  return {
    admin: { began: () => {}, ended },
    ingress: {
      began: () => void inFlight++,
      ended: (...request) => {
        inFlight--;
        ended(...request);
      },
    },
  };
}

/** Returns the breakers of some functions, each once: functions share the breakers of their dependencies. */
export function breakersOf(dispatchers: readonly Dispatcher[]): CircuitBreaker[] {
  return [...new Set(dispatchers.flatMap(({ pipeline }) => pipeline.breakers))];
}
