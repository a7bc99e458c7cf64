/** One thing that is measured: what it is called, what it means and what tells its series apart. */
export interface Instrument {
  readonly kind: "counter" | "gauge" | "histogram";
  /** As UCUM has it: `s` and `By` become part of the name for Prometheus, `{words}` only explain. */
  readonly unit: string;
  /** Each has a bounded number of values: names of functions, events, routes and reasons, and never an id. */
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** Everything that Weir measures. `deploy/METRICS.md` lists it, and a test compares the two. */
export const INSTRUMENTS = {
  "weir.function.deliveries": {
    kind: "counter",
    unit: "{delivery}",
    labels: ["function"],
    help: "Deliveries that a function of this process began with.",
  },
  "weir.function.redeliveries": {
    kind: "counter",
    unit: "{delivery}",
    labels: ["function"],
    help: "Those of its deliveries that JetStream had handed out before.",
  },
  "weir.function.outcomes": {
    kind: "counter",
    unit: "{delivery}",
    labels: ["function", "outcome", "reason"],
    help:
      "What was decided for a delivery: ack, retry, dead-letter or lease-expired, and why unless it is a plain ack.",
  },
  "weir.function.duration": {
    kind: "histogram",
    unit: "s",
    labels: ["function", "outcome"],
    help: "From the beginning with a delivery to its settlement, handler and storing included.",
    buckets: SECONDS,
  },
  "weir.function.attempts": {
    kind: "counter",
    unit: "{attempt}",
    labels: ["function"],
    help: "How often the handler was run.",
  },
  "weir.function.in_flight": {
    kind: "gauge",
    unit: "{delivery}",
    labels: ["function"],
    help: "Deliveries that this process holds: in the handler, or about to be.",
  },
  "weir.function.concurrency": {
    kind: "gauge",
    unit: "{delivery}",
    labels: ["function"],
    help: "How many deliveries this process handles at once, at the most.",
  },
  "weir.function.pending": {
    kind: "gauge",
    unit: "{event}",
    labels: ["function"],
    help: "Events that no replica was given yet, as the server counts them. The same on every replica.",
  },
  "weir.function.ack_pending": {
    kind: "gauge",
    unit: "{event}",
    labels: ["function"],
    help: "Events that some replica was given and has not settled, as the server counts them.",
  },
  "weir.function.delayed_retries": {
    kind: "gauge",
    unit: "{event}",
    labels: ["function"],
    help: "Events that wait in the stream RETRIES until their next attempt is due.",
  },
  "weir.function.oldest_waiting_age": {
    kind: "gauge",
    unit: "s",
    labels: ["function"],
    help:
      "How long ago the oldest event that is neither settled nor delayed was stored, or came due; 0 when none waits.",
  },
  "weir.function.pulling": {
    kind: "gauge",
    unit: "",
    labels: ["function"],
    help: "1 while this process pulls for the function; 0 when pulling has a problem.",
  },
  "weir.breaker.state": {
    kind: "gauge",
    unit: "",
    labels: ["of", "name", "state"],
    help: "1 for the state that a breaker of this process is in, 0 for the others.",
  },
  "weir.breaker.changes": {
    kind: "counter",
    unit: "{change}",
    labels: ["of", "name", "to"],
    help: "Changes of state of the breakers of this process.",
  },
  "weir.dead_letters": {
    kind: "counter",
    unit: "{event}",
    labels: ["function", "reason"],
    help: "Dead letters that this process stored.",
  },
  "weir.dead_letters.waiting": {
    kind: "gauge",
    unit: "{event}",
    labels: ["function"],
    help: "Dead letters that are in the stream now. The same on every replica.",
  },
  "weir.publish.duration": {
    kind: "histogram",
    unit: "s",
    labels: ["type", "outcome"],
    help: "Until an event was stored, was found to be a duplicate, or was given up on and why.",
    buckets: SECONDS,
  },
  "http.server.request.duration": {
    kind: "histogram",
    unit: "s",
    labels: ["http.request.method", "http.route", "http.response.status_code"],
    help: "HTTP requests of both listeners. The route is empty where nothing is.",
    buckets: SECONDS,
  },
  "weir.ingress.in_flight": {
    kind: "gauge",
    unit: "{request}",
    labels: [],
    help: "Requests that the public listener works on.",
  },
  "weir.nats.connected": {
    kind: "gauge",
    unit: "",
    labels: [],
    help: "1 while NATS is connected and answers.",
  },
  "weir.nats.reconnects": {
    kind: "counter",
    unit: "{reconnect}",
    labels: [],
    help: "How often the connection to NATS was made again.",
  },
  "weir.worker.restarts": {
    kind: "counter",
    unit: "{restart}",
    labels: [],
    help: "Workers started in the stead of one that ended; 0 where WEIR_WORKERS is not set.",
  },
  "weir.telemetry.dropped": {
    kind: "counter",
    unit: "{item}",
    labels: ["signal"],
    help: "Spans, log records and pushes of metrics that were not delivered.",
  },
  "process.cpu.time": {
    kind: "counter",
    unit: "s",
    labels: [],
    help: "Processor time of this process, of all its threads.",
  },
  "process.memory.usage": {
    kind: "gauge",
    unit: "By",
    labels: [],
    help: "Memory of this process that is resident.",
  },
  "weir.event_loop.lag": {
    kind: "gauge",
    unit: "s",
    labels: [],
    help: "The longest that a timer was late in the last minute: handlers that compute without a pause.",
  },
} as const satisfies Readonly<Record<string, Instrument>>;

type OfKind<Kind> = {
  [Name in keyof typeof INSTRUMENTS]: (typeof INSTRUMENTS)[Name] extends { kind: Kind } ? Name : never;
}[keyof typeof INSTRUMENTS];

/** The names of counters, of gauges and of histograms. */
export type CounterName = OfKind<"counter">;
export type GaugeName = OfKind<"gauge">;
export type HistogramName = OfKind<"histogram">;

/** What a measurement says of itself. */
export type Labels = Readonly<Record<string, string | number>>;

const SUFFIX: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };

/** What Prometheus calls an instrument: with its unit, and with `_total` for a counter. */
export function prometheusName(name: string, { kind, unit }: Pick<Instrument, "kind" | "unit">): string {
  return name.replaceAll(".", "_") + (SUFFIX[unit] ?? "") + (kind === "counter" ? "_total" : "");
}
