import assert from "node:assert/strict";
import { MeterProvider, type MetricData, MetricReader } from "@opentelemetry/sdk-metrics";
import { Histogram } from "../../../../runtime/telemetry/otel/metrics/histogram.ts";
import { MetricRegistry } from "../../../../runtime/telemetry/otel/metrics/metric_registry.ts";
import { otlpPush } from "../../../../runtime/telemetry/otel/metrics/otlp_metrics.ts";
import { HistogramProducer } from "../../../../runtime/telemetry/otel/metrics/sdk_metrics.ts";
import { startCollector } from "../../../support/collector.ts";
import { eventually } from "../../../support/eventually.ts";

const BUCKETS = [0.5, 1, 2.5];
const INSTRUMENT = { kind: "histogram", unit: "s", labels: ["of"], help: "Time.", buckets: BUCKETS } as const;

class Reader extends MetricReader {
  protected override onForceFlush = () => Promise.resolve();
  protected override onShutdown = () => Promise.resolve();
}

/** Returns what a reader sees of metrics, without times and without fields that only the SDK's own readers use. */
function seen(metrics: readonly MetricData[]) {
  return metrics.map(({ descriptor: { name, unit, description, valueType }, dataPoints, ...rest }) => ({
    ...{ name, unit, description, valueType, type: rest.dataPointType },
    points: dataPoints.map(({ attributes, value }) => ({ attributes, value })),
  }));
}

for (
  const [what, values] of [
    ["no value", []],
    ["a value on a bound", [0.5]],
    ["values between bounds", [0.4, 0.6, 2.4]],
    ["values above the last bound", [2.6, 1e9]],
    ["zero and the same value twice", [0, 1, 1]],
  ] as const
) {
  Deno.test(`HistogramProducer.collect has the form of the SDK's: ${what}`, async () => {
    const reader = new Reader(), provider = new MeterProvider({ readers: [reader] });
    const advice = { explicitBucketBoundaries: BUCKETS };
    const theirs = provider.getMeter("shop").createHistogram("work", { unit: "s", description: "Time.", advice });
    const own = new Histogram("work", INSTRUMENT), histograms = new HistogramProducer("shop", new Map([["work", own]]));
    for (const value of values) {
      theirs.record(value, { of: "a" });
      own.cell({ of: "a" }).record(value);
    }
    const [sdk, ours] = [await reader.collect(), await histograms.collect()]
      .map(({ resourceMetrics }) => resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics));
    assert.deepEqual(seen(ours), seen(sdk));
    await provider.shutdown();
  });
}

Deno.test("Histogram.cell returns one cell for equal labels, and others for other labels", () => {
  const histogram = new Histogram("work", INSTRUMENT);
  assert.equal(histogram.cell({ of: "a" }), histogram.cell({ of: "a" }));
  assert.notEqual(histogram.cell({ of: "a" }), histogram.cell({ of: "b" }));
});

Deno.test("MetricRegistry pushes histograms by OTLP, with bounds, counts, sum and extremes", async () => {
  await using receiver = startCollector();
  const env: Record<string, string> = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_METRIC_EXPORT_INTERVAL: "50" };
  const catalogue = { work: INSTRUMENT };
  const registry = new MetricRegistry(catalogue, "shop", "shop", otlpPush((name) => env[name], receiver.url));
  const cell = registry.histogram("work").cell({ of: "a" });
  for (const value of [0.25, 3]) cell.record(value);
  await eventually(() => receiver.metrics().some(({ name }) => name === "work"));
  const { histogram } = receiver.metrics().find(({ name }) => name === "work") as unknown as {
    histogram: { aggregationTemporality: number; dataPoints: Record<string, unknown>[] };
  };
  const [{ attributes, startTimeUnixNano: since, timeUnixNano: at, ...point }] = histogram.dataPoints;
  assert.deepEqual(attributes, [{ key: "of", value: { stringValue: "a" } }]);
  assert.ok(BigInt(String(since)) <= BigInt(String(at)));
  assert.equal(histogram.aggregationTemporality, 2, "cumulative");
  assert.deepEqual(point, {
    count: 2,
    sum: 3.25,
    min: 0.25,
    max: 3,
    explicitBounds: BUCKETS,
    bucketCounts: [1, 0, 0, 1],
  });
  await registry.shutdown();
});
