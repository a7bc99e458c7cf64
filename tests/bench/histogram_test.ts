import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram, rankOf } from "./histogram.ts";

function filled(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

Deno.test("Histogram without values returns zeros", () => {
  const histogram = new Histogram();
  assert.deepEqual([histogram.count, histogram.max, histogram.percentile(50), histogram.percentile(100)], [0, 0, 0, 0]);
});

Deno.test("Histogram keeps small values exactly", () => {
  const histogram = filled(Array.from({ length: 1_000 }, (_, i) => i + 1));
  assert.equal(histogram.percentile(50), 500);
  assert.equal(histogram.percentile(99), 990);
  assert.equal(histogram.percentile(99.9), 999);
  assert.equal(histogram.percentile(100), 1_000);
});

Deno.test("Histogram shows two high values in a thousand from the 99.9th percentile on", () => {
  const histogram = filled([...Array.from({ length: 998 }, () => 100), 2_000_000, 2_000_000]);
  assert.equal(histogram.percentile(99), 100);
  assert.ok(Math.abs(histogram.percentile(99.9) - 2_000_000) <= 2_000);
  assert.equal(histogram.max, 2_000_000);
});

Deno.test("Histogram counts values out of range as the nearest in range", () => {
  const histogram = filled([-5, 2 ** 40]);
  assert.equal(histogram.percentile(50), 0);
  assert.equal(histogram.percentile(100), 2 ** 31 - 1);
});

Deno.test("Histogram returns each percentile of the sorted values, at most 0.1 per cent above it", () => {
  const value = fc.oneof(fc.nat(5_000), fc.nat(10_000_000), fc.nat(2 ** 31 - 1));
  const percent = fc.constantFrom(0, 1, 25, 50, 90, 99, 99.9, 100);
  fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 400 }), percent, (values, percent) => {
    const exact = values.toSorted((a, b) => a - b)[rankOf(percent, values.length) - 1];
    const found = filled(values).percentile(percent);
    assert.ok(found >= exact && found <= exact * 1.001, `${found} is not close enough above ${exact}`);
  }));
});
