import assert from "node:assert/strict";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import type { FunctionStatus } from "../../../runtime/http/admin/function_routes.ts";
import { POLICY } from "../../support/default_policy.ts";
import { mergeFunctions } from "../../../runtime/app/supervisor/merge_functions.ts";
import { mergeMetrics } from "../../../runtime/app/supervisor/merge_metrics.ts";
import { MetricsSum } from "../../../runtime/app/supervisor/metrics_sum.ts";
import { type GaugeName, INSTRUMENTS } from "../../../runtime/telemetry/instruments.ts";
import { type Instrument, type Labels, prometheusName } from "../../../runtime/telemetry/otel/metrics/instrument.ts";
import { Metrics } from "../../../runtime/telemetry/metrics.ts";

const page = new URL("../../../deploy/METRICS.md", import.meta.url);

/** Returns the metrics of a process after their serialization between two processes. */
async function measured(fill: (metrics: Metrics) => void): Promise<MetricData[]> {
  const metrics = new Metrics("test");
  fill(metrics);
  const data = JSON.parse(JSON.stringify(await metrics.data()));
  await metrics.shutdown();
  return data;
}

const counting = (acks: number, fails: number) =>
  measured((metrics) => {
    const outcomes = metrics.counter("weir.function.outcomes");
    outcomes.cell({ function: "ship", outcome: "ack", reason: "" }).value = acks;
    if (fails > 0) outcomes.cell({ function: "ship", outcome: "retry", reason: "failed" }).value = fails;
  });

/** Returns the value of one series. */
function value(all: readonly MetricData[], name: string, labels: Labels): unknown {
  const { dataPoints } = all.find(({ descriptor }) => descriptor.name === name)!;
  const expected = JSON.stringify(labels);
  const found = (dataPoints as { attributes: unknown; value: unknown }[])
    .filter(({ attributes }) => JSON.stringify(attributes) === expected);
  assert.ok(found.length <= 1, `${found.length} series are ${expected}`);
  return found[0]?.value;
}
const acks = (all: readonly MetricData[]) =>
  value(all, "weir.function.outcomes", { function: "ship", outcome: "ack", reason: "" });

Deno.test("mergeMetrics adds counters by series, and keeps a series that only some processes have", async () => {
  const merged = mergeMetrics([await counting(3, 0), await counting(4, 2), await counting(5, 1)]);
  assert.equal(acks(merged), 12);
  assert.equal(value(merged, "weir.function.outcomes", { function: "ship", outcome: "retry", reason: "failed" }), 3);
});

Deno.test("mergeMetrics adds histograms by bucket", async () => {
  const labels = { function: "ship", outcome: "ack" };
  const taking = (...seconds: number[]) =>
    measured((metrics) => {
      const durations = metrics.histogram("weir.function.duration");
      for (const each of seconds) durations.record(each, labels);
    });
  const merged = mergeMetrics([await taking(0.002, 0.5), await taking(0.003, 60)]);
  assert.deepEqual(value(merged, "weir.function.duration", labels), {
    buckets: {
      boundaries: INSTRUMENTS["weir.function.duration"].buckets,
      counts: [0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1],
    },
    count: 4,
    sum: 60.505,
  });
});

/** The merged value of 2, 1 and 5 for each gauge: 8 is the sum, 5 the maximum, 1 the minimum. */
const gauges: Record<GaugeName, number> = {
  "weir.function.in_flight": 8,
  "weir.function.concurrency": 8,
  "weir.ingress.in_flight": 8,
  "process.memory.usage": 8,
  "weir.function.pending": 5,
  "weir.function.ack_pending": 5,
  "weir.function.delayed_retries": 5,
  "weir.function.oldest_waiting_age": 5,
  "weir.dead_letters.waiting": 5,
  "weir.event_loop.lag": 5,
  "weir.function.pulling": 5,
  "weir.breaker.state": 5,
  "weir.nats.connected": 1,
};
for (const [name, merged] of Object.entries(gauges) as [GaugeName, number][]) {
  Deno.test(`mergeMetrics makes ${merged} of 2, 1 and 5 for ${name}, as deploy/METRICS.md says`, async () => {
    const of = (value: number) => measured((metrics) => metrics.gauge(name, () => [[value, {}]]));
    assert.equal(value(mergeMetrics([await of(2), await of(1), await of(5)]), name, {}), merged);
    const text = (await Deno.readTextFile(page)).replaceAll(/\s+/g, " ");
    const [section] = /With `WEIR_WORKERS` [^#]*/.exec(text)!;
    const [, sum, maximum, minimum] = /by sum: (.*?); - by maximum: (.*?); - by minimum: (.*?)\. /.exec(section)!;
    const where = { 8: sum, 5: maximum, 1: minimum }[merged]!;
    assert.ok(where.includes(`\`${prometheusName(name, INSTRUMENTS[name] as Instrument)}\``), section);
  });
}

/** A process whose metrics the test sets. */
class Source {
  answer: MetricData[] | undefined;
  constructor(answer: MetricData[]) {
    this.answer = answer;
  }
  metrics = () => Promise.resolve(this.answer);
}

Deno.test("MetricsSum keeps the counters of a process that ended", async () => {
  const a = new Source(await counting(3, 1)), b = new Source(await counting(4, 0)), sum = new MetricsSum<Source>();
  assert.equal(acks(await sum.of([a, b])), 7);
  sum.ended(a);
  assert.equal(acks(await sum.of([b])), 7);
  const c = new Source(await counting(1, 0));
  assert.equal(acks(await sum.of([b, c])), 8);
  sum.ended(b);
  sum.ended(c);
  assert.equal(acks(await sum.of([], await counting(10, 0))), 18);
});

Deno.test("MetricsSum keeps the counters and omits the gauges of a process that does not answer", async () => {
  const both = (count: number) =>
    measured((metrics) => {
      metrics.counter("weir.function.attempts").cell({ function: "ship" }).value = count;
      metrics.gauge("weir.function.in_flight", () => [[count, { function: "ship" }]]);
    });
  const a = new Source(await both(3)), b = new Source(await both(4)), sum = new MetricsSum<Source>();
  await sum.of([a, b]);
  a.answer = undefined;
  const merged = await sum.of([a, b]);
  assert.equal(value(merged, "weir.function.attempts", { function: "ship" }), 7);
  assert.equal(value(merged, "weir.function.in_flight", { function: "ship" }), 4);
});

Deno.test("MetricsSum ignores metrics that arrive after the end of their process", async () => {
  const answer = Promise.withResolvers<MetricData[] | undefined>();
  const a = { metrics: () => answer.promise }, sum = new MetricsSum<typeof a>();
  const asked = sum.of([a]);
  sum.ended(a);
  answer.resolve(await counting(3, 0));
  assert.deepEqual(await asked, []);
});

const STATUS: FunctionStatus = {
  name: "ship",
  triggers: ["orders.created"],
  emits: [],
  policy: POLICY,
  attempts: 5,
  timeout: "30s",
  concurrency: 16,
  inFlight: 2,
  breaker: "closed",
  dependencies: { Bank: "closed", Mail: "half-open" },
  pending: undefined,
  ackPending: 3,
  delayedRetries: 1,
  oldestWaitingMs: 5_000,
  lastError: { at: "2026-11-21T09:59:48.000Z", reason: "failed", error: "older" },
};

Deno.test("mergeFunctions adds what is in flight, and takes the worst breaker, the last error and the server's counts", () => {
  const other: FunctionStatus = {
    ...STATUS,
    policy: { ...POLICY, dependencies: { Bank: POLICY.breaker } },
    inFlight: 5,
    breaker: "half-open",
    dependencies: { Bank: "open", Mail: "closed" },
    pending: 7,
    lastError: { at: "2026-11-21T10:00:01.000Z", reason: "failed", error: "newer" },
  };
  const expected: FunctionStatus = {
    ...STATUS,
    policy: other.policy,
    concurrency: 48,
    inFlight: 9,
    breaker: "half-open",
    dependencies: { Bank: "open", Mail: "half-open" },
    pending: 7,
    lastError: other.lastError,
  };
  const another = { ...STATUS, name: "bill" }, third = { ...STATUS, lastError: undefined };
  assert.deepEqual(mergeFunctions([[STATUS, another], [other], [third]]), [expected, another]);
});
