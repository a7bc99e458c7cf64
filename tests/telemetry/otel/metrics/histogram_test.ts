import assert from "node:assert/strict";
import fc from "fast-check";
import { AggregationTemporality, DataPointType } from "@opentelemetry/sdk-metrics";
import { Histogram, Histograms } from "../../../../runtime/telemetry/otel/metrics/histogram.ts";

const NOW: [number, number] = [1_767_225_600, 0];
const fresh = (bounds: readonly number[] = [1, 2, 5]) => new Histogram("weir.test", "s", "A test.", bounds);

Deno.test("a value is counted in the first bucket whose upper bound it does not exceed", () => {
  const labels = { function: "pay" };
  const distribution = fresh();
  for (const value of [0.5, 1, 1.5, 2, 5, 5.1]) distribution.record(value, labels);
  const [{ attributes, value }] = distribution.data(NOW).dataPoints;
  assert.deepEqual(attributes, labels);
  assert.deepEqual(value, {
    buckets: { boundaries: [1, 2, 5], counts: [2, 2, 1, 1] },
    count: 6,
    sum: 15.1,
    min: 0.5,
    max: 5.1,
  });
});

Deno.test("series are told apart by their labels' values, whichever object carries them", () => {
  const distribution = fresh();
  distribution.record(1, { function: "pay" });
  distribution.record(1, { function: "ship" });
  distribution.record(1, { function: "pay" });
  const counts = distribution.data(NOW).dataPoints.map(({ attributes, value }) => [attributes.function, value.count]);
  assert.deepEqual(counts, [["pay", 2], ["ship", 1]]);
});

Deno.test("whatever is recorded, the buckets hold all of it and the sum is that of the values", () => {
  const value = fc.integer({ min: 0, max: 10_000 }).map((n) => n / 8);
  fc.assert(
    fc.property(fc.uniqueArray(value, { minLength: 1 }), fc.array(value, { minLength: 1 }), (bounds, values) => {
      bounds.sort((a, b) => a - b);
      const distribution = fresh(bounds), labels = {};
      for (const one of values) distribution.record(one, labels);
      const { buckets, count, sum, min, max } = distribution.data(NOW).dataPoints[0].value;
      const atMost = (bound: number) => values.filter((one) => one <= bound).length;
      let below = 0;
      buckets.counts.forEach((here, i) => assert.equal(below += here, atMost(bounds[i] ?? Infinity)));
      assert.deepEqual([count, sum], [values.length, values.reduce((a, b) => a + b)]);
      assert.deepEqual([min, max], [Math.min(...values), Math.max(...values)]);
    }),
  );
});

Deno.test("readers are given cumulative histograms, and nothing of those that hold nothing", async () => {
  const distributions = new Histograms("test");
  const one = distributions.get("weir.test", () => fresh());
  assert.equal(distributions.get("weir.test", () => fresh()), one);
  assert.deepEqual((await distributions.collect()).resourceMetrics.scopeMetrics, []);
  one.record(1, {});
  const [{ scope, metrics }] = (await distributions.collect()).resourceMetrics.scopeMetrics;
  assert.deepEqual([scope.name, metrics.length, metrics[0].descriptor.name], ["test", 1, "weir.test"]);
  assert.equal(metrics[0].aggregationTemporality, AggregationTemporality.CUMULATIVE);
  assert.equal(metrics[0].dataPointType, DataPointType.HISTOGRAM);
});
