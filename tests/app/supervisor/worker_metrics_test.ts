import assert from "node:assert/strict";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import { WorkerMetrics } from "../../../runtime/app/supervisor/worker_metrics.ts";
import { type GaugeName, INSTRUMENTS } from "../../../runtime/telemetry/instruments.ts";
import { type Instrument, type Labels, prometheusName } from "../../../runtime/telemetry/otel/metrics/instrument.ts";
import { Metrics } from "../../../runtime/telemetry/metrics.ts";

const page = new URL("../../../deploy/METRICS.md", import.meta.url);

/** Returns the metrics of a process as its supervisor receives them, which is as JSON. */
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
  const wanted = JSON.stringify(labels);
  const found = (dataPoints as { attributes: unknown; value: unknown }[])
    .filter(({ attributes }) => JSON.stringify(attributes) === wanted);
  assert.ok(found.length <= 1, `${found.length} series are ${wanted}`);
  return found[0]?.value;
}
/** Merges the metrics of running workers. */
const merge = (all: readonly MetricData[][]) => {
  const workers = all.map((metrics) => new Source(metrics));
  return new WorkerMetrics<Source>().read(workers);
};
const acks = (all: readonly MetricData[]) =>
  value(all, "weir.function.outcomes", { function: "ship", outcome: "ack", reason: "" });

Deno.test("WorkerMetrics adds counters by series, and keeps a series that only some workers have", async () => {
  const merged = await merge([await counting(3, 0), await counting(4, 2), await counting(5, 1)]);
  assert.equal(acks(merged), 12);
  assert.equal(value(merged, "weir.function.outcomes", { function: "ship", outcome: "retry", reason: "failed" }), 3);
});

Deno.test("WorkerMetrics adds histograms bucket by bucket", async () => {
  const labels = { function: "ship", outcome: "ack" };
  const taking = (...seconds: number[]) =>
    measured((metrics) => {
      const cell = metrics.histogram("weir.function.duration").cell(labels);
      for (const each of seconds) cell.record(each);
    });
  const merged = await merge([await taking(0.002, 0.5), await taking(0.003, 60)]);
  assert.deepEqual(value(merged, "weir.function.duration", labels), {
    buckets: {
      boundaries: INSTRUMENTS["weir.function.duration"].buckets,
      counts: [0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1],
    },
    count: 4,
    sum: 60.505,
  });
});

/** Each gauge, and its value over workers that report 2, 1 and 5. */
const gauges: Record<GaugeName, number> = {
  "weir.function.in_flight": 8,
  "weir.function.concurrency": 8,
  "weir.function.limit": 8,
  "weir.function.key_waiting": 8,
  "weir.ingress.in_flight": 8,
  "process.memory.usage": 8,
  "weir.function.pending": 5,
  "weir.function.ack_pending": 5,
  "weir.function.delayed_retries": 5,
  "weir.function.oldest_waiting_age": 5,
  "weir.function.paused": 5,
  "weir.function.rate_limited": 5,
  "weir.function.rate_waiting": 8,
  "weir.function.order_holder": 8,
  "weir.function.order_partitions": 8,
  "weir.function.order_waiting": 8,
  "weir.function.order_blocked_keys": 8,
  "weir.function.order_parked_keys": 8,
  "weir.function.rate_local": 5,
  "weir.dead_letters.waiting": 5,
  "weir.event_loop.lag": 5,
  "weir.function.pulling": 5,
  "weir.breaker.state": 5,
  "weir.breaker.local": 5,
  "weir.nats.clock_ahead": 5,
  "weir.nats.connected": 1,
};
for (const [name, merged] of Object.entries(gauges) as [GaugeName, number][]) {
  Deno.test(`WorkerMetrics makes ${merged} of the gauge ${name} of 2, 1 and 5, as deploy/METRICS.md says`, async () => {
    const of = (value: number) => measured((metrics) => metrics.gauge(name, () => [[value, {}]]));
    assert.equal(value(await merge([await of(2), await of(1), await of(5)]), name, {}), merged);
    const text = (await Deno.readTextFile(page)).replaceAll(/\s+/g, " ");
    const [section] = /With `WEIR_WORKERS` [^#]*/.exec(text)!;
    const [, sum, maximum, minimum] = /by sum: (.*?); - by maximum: (.*?); - by minimum: (.*?)\. /.exec(section)!;
    const where = { 8: sum, 5: maximum, 1: minimum }[merged]!;
    assert.ok(where.includes(`\`${prometheusName(name, INSTRUMENTS[name] as Instrument)}\``), section);
  });
}

/** A worker whose answer the test sets. */
class Source {
  answer: MetricData[] | undefined;
  constructor(answer: MetricData[]) {
    this.answer = answer;
  }
  metrics = () => Promise.resolve(this.answer);
}

Deno.test("WorkerMetrics keeps the counts of a worker that has exited, and adds those of its replacement", async () => {
  const a = new Source(await counting(3, 1)),
    b = new Source(await counting(4, 0)),
    merged = new WorkerMetrics<Source>();
  assert.equal(acks(await merged.read([a, b])), 7);
  merged.exited(a);
  assert.equal(acks(await merged.read([b])), 7);
  const c = new Source(await counting(1, 0));
  assert.equal(acks(await merged.read([b, c])), 8);
  merged.exited(b);
  merged.exited(c);
  assert.equal(acks(await merged.read([], await counting(10, 0))), 18);
});

Deno.test("WorkerMetrics keeps the counters of a worker that does not answer, and omits its gauges", async () => {
  const both = (count: number) =>
    measured((metrics) => {
      metrics.counter("weir.function.attempts").cell({ function: "ship" }).value = count;
      metrics.gauge("weir.function.in_flight", () => [[count, { function: "ship" }]]);
    });
  const a = new Source(await both(3)), b = new Source(await both(4)), merged = new WorkerMetrics<Source>();
  await merged.read([a, b]);
  a.answer = undefined;
  const metrics = await merged.read([a, b]);
  assert.equal(value(metrics, "weir.function.attempts", { function: "ship" }), 7);
  assert.equal(value(metrics, "weir.function.in_flight", { function: "ship" }), 4);
});

Deno.test("WorkerMetrics counts an answer that crosses the exit of its worker once", async () => {
  const answer = Promise.withResolvers<MetricData[] | undefined>();
  const a = { metrics: () => answer.promise }, merged = new WorkerMetrics<typeof a>();
  const reading = merged.read([a]);
  merged.exited(a);
  answer.resolve(await counting(3, 0));
  assert.deepEqual(await reading, []);
});
