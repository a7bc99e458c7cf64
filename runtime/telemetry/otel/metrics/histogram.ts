import { type HrTime, ValueType } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type HistogramMetricData,
  InstrumentType,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import type { Instrument, Labels } from "./instrument.ts";

/** One series of a histogram. Hot path: callers keep the cell and record into it. */
export class HistogramCell {
  readonly since: HrTime = millisToHrTime(Date.now());
  readonly counts: number[];
  sum = 0;
  min = Infinity;
  max = -Infinity;

  constructor(readonly labels: Labels, readonly bounds: readonly number[]) {
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  record(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.counts[bucket]++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }
}

/**
 * A histogram as plain numbers in memory, read at collection. A histogram of the SDK would hash the labels at each
 * value; see bench.
 */
export class Histogram {
  readonly #cells = new Map<string, HistogramCell>();

  constructor(readonly name: string, readonly instrument: Instrument) {}

  /** Returns the series with these labels. It is exported from its first value on. */
  cell(labels: Labels): HistogramCell {
    const create = () => new HistogramCell(labels, this.instrument.buckets ?? []);
    return this.#cells.getOrInsertComputed(Object.values(labels).join("\n"), create);
  }

  /** Returns the histogram in the form that SDK readers collect. */
  data(endTime: HrTime): HistogramMetricData {
    const { name, instrument: { unit, help: description } } = this;
    const points = this.#cells.values().map(({ labels, since, bounds, counts, sum, min, max }) => ({
      attributes: labels,
      startTime: since,
      endTime,
      value: {
        buckets: { boundaries: [...bounds], counts: [...counts] },
        count: counts.reduce((all, count) => all + count),
        sum,
        min,
        max,
      },
    }));
    const descriptor = { name, unit, description, type: InstrumentType.HISTOGRAM, valueType: ValueType.DOUBLE };
    return {
      descriptor,
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [...points.filter(({ value }) => value.count > 0)],
    };
  }
}

/** Provides histograms to SDK readers, beside the instruments that the SDK measures. */
export class Histograms implements MetricProducer {
  readonly #histograms = new Map<string, Histogram>();

  constructor(readonly scope: string) {}

  /** Returns a histogram; the same one at each call for a name. */
  get(name: string, instrument: Instrument): Histogram {
    return this.#histograms.getOrInsertComputed(name, () => new Histogram(name, instrument));
  }

  collect(): Promise<CollectionResult> {
    const now = millisToHrTime(Date.now());
    const metrics = [...this.#histograms.values().map((histogram) => histogram.data(now))]
      .filter(({ dataPoints }) => dataPoints.length > 0);
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope: { name: this.scope }, metrics }];
    return Promise.resolve({ resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics }, errors: [] });
  }
}
