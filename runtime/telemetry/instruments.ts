import type { Catalogue, NameOf } from "./otel/metrics/instrument.ts";

/** Bucket bounds of durations, in seconds: from a handler that only computes to a slow call of another service. */
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

const counter = (unit: string, labels: readonly string[], help: string) =>
  ({ kind: "counter", unit, labels, help }) as const;
const gauge = (unit: string, labels: readonly string[], help: string) =>
  ({ kind: "gauge", unit, labels, help }) as const;
const histogram = (unit: string, labels: readonly string[], help: string) =>
  ({ kind: "histogram", unit, labels, help, buckets: SECONDS }) as const;

/** Weir's metrics. `deploy/METRICS.md` lists them, and a test compares the two. */
export const INSTRUMENTS = {
  "weir.function.deliveries": counter(
    "{delivery}",
    ["function"],
    "Deliveries that this process began to process, or gave back.",
  ),
  "weir.function.redeliveries": counter(
    "{delivery}",
    ["function"],
    "Deliveries among them that JetStream had delivered before.",
  ),
  "weir.function.outcomes": counter(
    "{delivery}",
    ["function", "outcome", "reason"],
    "Deliveries by outcome (ack, retry, dead-letter, lease-expired) and reason.",
  ),
  "weir.function.duration": histogram(
    "s",
    ["function", "outcome"],
    "Time from the start of processing a delivery to its settlement, including the handler and storing.",
  ),
  "weir.function.attempts": counter("{attempt}", ["function"], "Runs of the handler."),
  "weir.function.in_flight": gauge(
    "{delivery}",
    ["function"],
    "Deliveries that this process is handling. Those that it has pulled ahead are not among them.",
  ),
  "weir.function.concurrency": gauge(
    "{delivery}",
    ["function"],
    "Maximum number of deliveries that this process handles at once.",
  ),
  "weir.function.limit": gauge(
    "{delivery}",
    ["function"],
    "Number of handlers that this process runs at once now: below the maximum while an adaptive concurrency holds it back.",
  ),
  "weir.function.key_waiting": gauge(
    "{delivery}",
    ["function"],
    "Deliveries that this process holds until their key has less than its share of the concurrency. 0 without keys.",
  ),
  "weir.function.pending": gauge(
    "{event}",
    ["function"],
    "Events that were not delivered to any replica yet, counted by the server. The same on every process, whichever functions it runs.",
  ),
  "weir.function.ack_pending": gauge(
    "{event}",
    ["function"],
    "Events that were delivered to a replica and are not settled, counted by the server.",
  ),
  "weir.function.delayed_retries": gauge(
    "{event}",
    ["function"],
    "Delayed retries: events that wait in the stream RETRIES until their next attempt is due.",
  ),
  "weir.function.oldest_waiting_age": gauge(
    "s",
    ["function"],
    "Time since the oldest event that is neither settled nor delayed was stored, or its delayed retry was due; 0 if there is none.",
  ),
  "weir.function.paused": gauge(
    "",
    ["function"],
    "1 while a consumer of the function is paused, as by `functions pause`, 0 otherwise. The same on every process.",
  ),
  "weir.function.pulling": gauge(
    "",
    ["function"],
    "1 while this process pulls events for the function, 0 while pulling has a problem.",
  ),
  "weir.function.rate_limited": gauge(
    "",
    ["function"],
    "1 while this process does not pull because the rate of the function is used up, 0 otherwise.",
  ),
  "weir.function.rate_waiting": gauge(
    "{delivery}",
    ["function"],
    "Deliveries that this process holds until the rate of the function has starts for them. 0 without a rate.",
  ),
  "weir.function.rate_local": gauge(
    "",
    ["function"],
    "1 while the rate is not shared, since its bucket fails: this process keeps to its part. 0 without a rate.",
  ),
  "weir.function.order_holder": gauge(
    "",
    ["function"],
    "1 while this process receives the events of a function with `order`, 0 while another one does, and without `order`.",
  ),
  "weir.function.order_partitions": gauge(
    "{partition}",
    ["function"],
    "Partitions whose events this process receives. 0 without `order.partitions`.",
  ),
  "weir.function.order_waiting": gauge(
    "{event}",
    ["function"],
    "Events that were delivered to this process and wait for an earlier one of their key, or for their next attempt. 0 without `order`.",
  ),
  "weir.function.order_blocked_keys": gauge(
    "{key}",
    ["function"],
    "Keys whose first event has failed and waits for its next attempt while later ones wait for it. 0 without `order`.",
  ),
  "weir.function.order_parked_keys": gauge(
    "{key}",
    ["function"],
    'Keys whose later events are dead letters too, since the first is one. 0 without `onFailure: "park"`.',
  ),
  "weir.breaker.state": gauge(
    "",
    ["of", "name", "state"],
    "1 for the current state of a circuit breaker of this process, 0 for its other states.",
  ),
  "weir.breaker.local": gauge(
    "",
    ["of", "name"],
    "1 while a breaker with `shared` goes by itself in this process, since its bucket fails. 0 without `shared`.",
  ),
  "weir.breaker.changes": counter(
    "{change}",
    ["of", "name", "to"],
    "State changes of the circuit breakers of this process.",
  ),
  "weir.dead_letters": counter("{event}", ["function", "reason"], "Dead letters that this process stored."),
  "weir.dead_letters.waiting": gauge(
    "{event}",
    ["function"],
    "Dead letters that are in the stream DEAD_LETTERS now. The same on every replica.",
  ),
  "weir.publish.duration": histogram(
    "s",
    ["type", "outcome"],
    "Time until a published event was stored, found to be a duplicate, or failed, by outcome.",
  ),
  "http.server.request.duration": histogram(
    "s",
    ["http.request.method", "http.route", "http.response.status_code"],
    "HTTP requests to both listeners. The route is empty for an unknown path.",
  ),
  "weir.ingress.in_flight": gauge(
    "{request}",
    [],
    "Requests that the public listener is processing. Absent without the role ingress.",
  ),
  "weir.nats.connected": gauge("", [], "1 while NATS is connected and answers, 0 otherwise."),
  "weir.nats.clock_ahead": gauge(
    "s",
    [],
    "How far the server's clock is ahead of this host's; below 0 if it is behind. Absent while it is unknown.",
  ),
  "weir.nats.reconnects": counter("{reconnect}", [], "Reconnects to NATS."),
  "weir.worker.restarts": counter(
    "{restart}",
    [],
    "Worker processes started to replace one that exited; 0 if WEIR_WORKERS is not set.",
  ),
  "weir.uncaught_errors": counter(
    "{error}",
    ["function"],
    "Errors outside any handler, by the function they were traced to; its name is empty if they were traced to none.",
  ),
  "weir.telemetry.dropped": counter(
    "{item}",
    ["signal"],
    "Spans, log records and metric exports that no collector accepted.",
  ),
  "process.cpu.time": counter("s", [], "CPU time of this process, over all threads."),
  "process.memory.usage": gauge("By", [], "Resident memory of this process."),
  "weir.event_loop.lag": gauge(
    "s",
    [],
    "Largest delay of a timer in the last 30 to 60 seconds, caused by handlers that block the event loop.",
  ),
} satisfies Catalogue;

export type GaugeName = NameOf<typeof INSTRUMENTS, "gauge">;
