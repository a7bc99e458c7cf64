import type { Catalogue, NameOf } from "./otel/metrics/instrument.ts";

/** Bucket bounds of durations, in seconds: from a handler that only computes to a slow call of another service. */
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** Weir's metrics. `deploy/METRICS.md` lists them, and a test compares the two. */
export const INSTRUMENTS = {
  "weir.function.deliveries": {
    kind: "counter",
    unit: "{delivery}",
    labels: ["function"],
    help: "Deliveries that this process began to process, or gave back at shutdown.",
  },
  "weir.function.redeliveries": {
    kind: "counter",
    unit: "{delivery}",
    labels: ["function"],
    help: "Deliveries among them that JetStream had delivered before.",
  },
  "weir.function.outcomes": {
    kind: "counter",
    unit: "{delivery}",
    labels: ["function", "outcome", "reason"],
    help: "Deliveries by outcome (ack, retry, dead-letter, lease-expired) and reason.",
  },
  "weir.function.duration": {
    kind: "histogram",
    unit: "s",
    labels: ["function", "outcome"],
    help: "Time from the start of processing a delivery to its settlement, including the handler and storing.",
    buckets: SECONDS,
  },
  "weir.function.attempts": {
    kind: "counter",
    unit: "{attempt}",
    labels: ["function"],
    help: "Runs of the handler.",
  },
  "weir.function.in_flight": {
    kind: "gauge",
    unit: "{delivery}",
    labels: ["function"],
    help: "Deliveries that this process holds: in the handler, or waiting for it.",
  },
  "weir.function.concurrency": {
    kind: "gauge",
    unit: "{delivery}",
    labels: ["function"],
    help: "Maximum number of deliveries that this process handles at once.",
  },
  "weir.function.pending": {
    kind: "gauge",
    unit: "{event}",
    labels: ["function"],
    help: "Events that were not delivered to any replica yet, counted by the server. The same on every replica.",
  },
  "weir.function.ack_pending": {
    kind: "gauge",
    unit: "{event}",
    labels: ["function"],
    help: "Events that were delivered to a replica and are not settled, counted by the server.",
  },
  "weir.function.delayed_retries": {
    kind: "gauge",
    unit: "{event}",
    labels: ["function"],
    help: "Delayed retries: events that wait in the stream RETRIES until their next attempt is due.",
  },
  "weir.function.oldest_waiting_age": {
    kind: "gauge",
    unit: "s",
    labels: ["function"],
    help:
      "Time since the oldest event that is neither settled nor delayed was stored, or its delayed retry was due; 0 if there is none.",
  },
  "weir.function.pulling": {
    kind: "gauge",
    unit: "",
    labels: ["function"],
    help: "1 while this process pulls events for the function, 0 while pulling has a problem.",
  },
  "weir.breaker.state": {
    kind: "gauge",
    unit: "",
    labels: ["of", "name", "state"],
    help: "1 for the current state of a circuit breaker of this process, 0 for its other states.",
  },
  "weir.breaker.changes": {
    kind: "counter",
    unit: "{change}",
    labels: ["of", "name", "to"],
    help: "State changes of the circuit breakers of this process.",
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
    help: "Dead letters that are in the stream DEAD_LETTERS now. The same on every replica.",
  },
  "weir.publish.duration": {
    kind: "histogram",
    unit: "s",
    labels: ["type", "outcome"],
    help: "Time until a published event was stored, found to be a duplicate, or failed, by outcome.",
    buckets: SECONDS,
  },
  "http.server.request.duration": {
    kind: "histogram",
    unit: "s",
    labels: ["http.request.method", "http.route", "http.response.status_code"],
    help: "HTTP requests to both listeners. The route is empty for an unknown path.",
    buckets: SECONDS,
  },
  "weir.ingress.in_flight": {
    kind: "gauge",
    unit: "{request}",
    labels: [],
    help: "Requests that the public listener is processing.",
  },
  "weir.nats.connected": {
    kind: "gauge",
    unit: "",
    labels: [],
    help: "1 while NATS is connected and answers, 0 otherwise.",
  },
  "weir.nats.reconnects": {
    kind: "counter",
    unit: "{reconnect}",
    labels: [],
    help: "Reconnects to NATS.",
  },
  "weir.worker.restarts": {
    kind: "counter",
    unit: "{restart}",
    labels: [],
    help: "Worker processes started to replace one that exited; 0 if WEIR_WORKERS is not set.",
  },
  "weir.telemetry.dropped": {
    kind: "counter",
    unit: "{item}",
    labels: ["signal"],
    help: "Spans, log records and metric exports that no collector accepted.",
  },
  "process.cpu.time": {
    kind: "counter",
    unit: "s",
    labels: [],
    help: "CPU time of this process, over all threads.",
  },
  "process.memory.usage": {
    kind: "gauge",
    unit: "By",
    labels: [],
    help: "Resident memory of this process.",
  },
  "weir.event_loop.lag": {
    kind: "gauge",
    unit: "s",
    labels: [],
    help: "Largest delay of a timer in the last 30 to 60 seconds, caused by handlers that block the event loop.",
  },
} as const satisfies Catalogue;

export type GaugeName = NameOf<typeof INSTRUMENTS, "gauge">;
