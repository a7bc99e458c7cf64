import assert from "node:assert/strict";
import fc from "fast-check";
import { AggregationTemporality, DataPointType } from "@opentelemetry/sdk-metrics";
import { Histogram, Histograms } from "../../../../runtime/telemetry/otel/metrics/histogram.ts";

const NOW: [number, number] = [1_767_225_600, 0];
const fresh = (bounds: readonly number[] = [1, 2, 5]) => new Histogram("weir.test", "s", "A test.", bounds);

Deno.test("Histogram counts a value in the first bucket whose upper bound it does not exceed", () => {
  const labels = { function: "pay" };
  const histogram = fresh();
  for (const value of [0.5, 1, 1.5, 2, 5, 5.1]) histogram.record(value, labels);
  const [{ attributes, value }] = histogram.data(NOW).dataPoints;
  assert.deepEqual(attributes, labels);
  assert.deepEqual(value, {
    buckets: { boundaries: [1, 2, 5], counts: [2, 2, 1, 1] },
    count: 6,
    sum: 15.1,
    min: 0.5,
    max: 5.1,
  });
});

Deno.test("Histogram tells series apart by the values of their labels, not by the labels object", () => {
  const histogram = fresh();
  histogram.record(1, { function: "pay" });
  histogram.record(1, { function: "ship" });
  histogram.record(1, { function: "pay" });
  const counts = histogram.data(NOW).dataPoints.map(({ attributes, value }) => [attributes.function, value.count]);
  assert.deepEqual(counts, [["pay", 2], ["ship", 1]]);
});

Deno.test("Histogram holds every value in its buckets, and their sum (property)", () => {
  const value = fc.integer({ min: 0, max: 10_000 }).map((n) => n / 8);
  fc.assert(
    fc.property(fc.uniqueArray(value, { minLength: 1 }), fc.array(value, { minLength: 1 }), (bounds, values) => {
      bounds.sort((a, b) => a - b);
      const histogram = fresh(bounds), labels = {};
      for (const one of values) histogram.record(one, labels);
      const { buckets, count, sum, min, max } = histogram.data(NOW).dataPoints[0].value;
      const atMost = (bound: number) => values.filter((one) => one <= bound).length;
      let below = 0;
      buckets.counts.forEach((here, i) => assert.equal(below += here, atMost(bounds[i] ?? Infinity)));
      assert.deepEqual([count, sum], [values.length, values.reduce((a, b) => a + b)]);
      assert.deepEqual([min, max], [Math.min(...values), Math.max(...values)]);
    }),
  );
});

Deno.test("Histograms.collect returns cumulative histograms, without empty ones", async () => {
  const histograms = new Histograms("test");
  const one = histograms.get("weir.test", () => fresh());
  assert.equal(histograms.get("weir.test", () => fresh()), one);
  assert.deepEqual((await histograms.collect()).resourceMetrics.scopeMetrics, []);
  one.record(1, {});
  const [{ scope, metrics }] = (await histograms.collect()).resourceMetrics.scopeMetrics;
  assert.deepEqual([scope.name, metrics.length, metrics[0].descriptor.name], ["test", 1, "weir.test"]);
  assert.equal(metrics[0].aggregationTemporality, AggregationTemporality.CUMULATIVE);
  assert.equal(metrics[0].dataPointType, DataPointType.HISTOGRAM);
});
