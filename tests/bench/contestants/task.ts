/** What a contestant is told, as JSON in its first argument. */
export interface Task {
  readonly url: string;
  readonly stream: string;
  /** The durables, one a function: each gets every event. */
  readonly functions: readonly string[];
  /** How many events each function gets, numbered from 0. */
  readonly events: number;
  /** So many deliveries, of all functions together, come before what is measured: code is compiled as it runs. */
  readonly warmUp: number;
  /** How many a function of Weir's handles at once. */
  readonly concurrency: number;
  /** With nothing new for so long, what is missing is lost: twenty seconds unless given. */
  readonly stalledMs?: number;
}

/** Where a measurement begins. */
export interface Marks {
  readonly atMs: number;
  readonly cpuMicros: number;
}

/** From the intended sending to the handler's start. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What a contestant says when the last event has come, or none comes any more. */
export interface Lap {
  readonly seconds: number;
  /** Until now: sending spans out may go on. */
  readonly cpuMicros: number;
  /** How many were handled in this time. */
  readonly events: number;
  readonly lost: number;
  readonly latencyMicros?: Latency;
  readonly memoryBytes: number;
  /** After each tenth of the events. */
  readonly memoryCurve: readonly number[];
}

/** What a contestant says when its acks and spans are out. */
export interface Stopped {
  readonly repeated: number;
  /** Of the whole measurement, with the sending of spans. */
  readonly cpuMicros: number;
  /** How many spans were sampled, where the contestant does not count what it dropped. */
  readonly spansEnded?: number;
  readonly spansDropped?: number;
}
