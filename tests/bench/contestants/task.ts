/**
 * The shapes of a handler. Each sums the quantities of an order, then: `sync` returns, `async` is an `async` function
 * that awaits nothing, `io` awaits a timer of 1 ms, and `emit` emits one event.
 */
export const HANDLERS = ["async", "sync", "io", "emit"] as const;
/** `slow` awaits a timer of one second. */
export type HandlerShape = typeof HANDLERS[number] | "slow";

/** Options that cost something only when they are used. */
export const FEATURE_NAMES = [
  "where",
  "keys",
  "adaptive",
  "rate",
  "shared breaker",
  "schedule",
  "batch",
  "order",
  "order and batch",
  "idempotency",
  "debounce",
  "delay",
] as const;
export type FeatureName = typeof FEATURE_NAMES[number];

/** The task of a contestant, as JSON in its first argument. */
export interface Task {
  readonly url: string;
  readonly stream: string;
  /** Names of the durable consumers, one a function. Each receives every event. */
  readonly functions: readonly string[];
  /** Events each function receives, numbered from 0. */
  readonly events: number;
  /**
   * Deliveries, of all functions together, before the measurement, so that code is compiled. With 0 it begins once the
   * contestant is ready.
   */
  readonly warmUp: number;
  /** Deliveries at the start that are measured cold, at most `warmUp`. @default 0 */
  readonly cold?: number;
  readonly handler: HandlerShape;
  /** The concurrency of each function of Weir. Default: Weir's own. */
  readonly concurrency?: number;
  /** The feature that each function of Weir uses. Default: none. */
  readonly feature?: FeatureName;
  /** Milliseconds without a new event after which missing events count as lost. @default 20_000 */
  readonly stalledMs?: number;
}

/** The time and CPU time at the start of a measurement. */
export interface StartMark {
  readonly atMs: number;
  readonly cpuMicros: number;
}

/** Time and CPU time since a {@linkcode StartMark}. */
export interface Spent {
  readonly seconds: number;
  readonly cpuMicros: number;
}

/** Latency from the intended publish to the handler's start. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** The report of a contestant once the last event has arrived, or the rest counts as lost. */
export interface Measurement extends Spent {
  /** Events handled in this time. */
  readonly events: number;
  readonly lost: number;
  readonly latencyMicros?: Latency;
  readonly memoryBytes: number;
  /** Resident memory after each tenth of the events. */
  readonly memoryCurve: readonly number[];
}

/** The report of a contestant once its acks and spans are sent. */
export interface Stopped {
  readonly repeated: number;
  /** CPU time of the whole measurement, with the export of spans. */
  readonly cpuMicros: number;
  /** Spans sampled, for contestants that do not count dropped spans. */
  readonly spansEnded?: number;
  readonly spansDropped?: number;
}
