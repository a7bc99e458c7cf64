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
import type { Labels } from "./instrument.ts";

/** Records the values of a histogram. Hot path: pass the same labels object for a series each time. */
export interface Recorder {
  record(value: number, labels: Labels): void;
}

class Cell {
  readonly counts: number[];
  count = 0;
  sum = 0;
  min = Infinity;
  max = -Infinity;

  constructor(readonly labels: Labels, readonly bounds: readonly number[], readonly since: HrTime) {
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  record(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.counts[bucket]++;
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }
}

/** A histogram as plain numbers in memory, read at collection, for the same reason as `Counter`. */
export class Histogram implements Recorder {
  readonly #cells = new Map<string, Cell>();
  /** Series by labels object, so that a known object is not turned into a key again. */
  readonly #byObject = new WeakMap<Labels, Cell>();

  constructor(
    readonly name: string,
    readonly unit: string,
    readonly help: string,
    readonly bounds: readonly number[],
  ) {}

  record(value: number, labels: Labels): void {
    (this.#byObject.get(labels) ?? this.#cell(labels)).record(value);
  }

  /** Returns the histogram in the form that SDK readers collect. */
  data(now: HrTime): HistogramMetricData {
    const { name, unit, help: description, bounds } = this;
    const descriptor = { name, unit, description, type: InstrumentType.HISTOGRAM, valueType: ValueType.DOUBLE };
    return {
      descriptor: { ...descriptor, advice: {} } as HistogramMetricData["descriptor"],
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [...this.#cells.values()].map(({ labels, since, counts, count, sum, min, max }) => ({
        attributes: labels,
        startTime: since,
        endTime: now,
        value: { buckets: { boundaries: [...bounds], counts: [...counts] }, count, sum, min, max },
      })),
    };
  }

  #cell(labels: Labels): Cell {
    const create = () => new Cell({ ...labels }, this.bounds, millisToHrTime(Date.now()));
    const cell = this.#cells.getOrInsertComputed(Object.values(labels).join("\n"), create);
    this.#byObject.set(labels, cell);
    return cell;
  }
}

/** Provides histograms to SDK readers, beside the instruments that the SDK measures. */
export class Histograms implements MetricProducer {
  readonly #histograms = new Map<string, Histogram>();

  constructor(readonly scope: string) {}

  /** Returns the histogram of that name. @param create called once a name */
  get(name: string, create: () => Histogram): Histogram {
    return this.#histograms.getOrInsertComputed(name, create);
  }

  collect(): Promise<CollectionResult> {
    const now = millisToHrTime(Date.now());
    const metrics = [...this.#histograms.values()].map((histogram) => histogram.data(now))
      .filter(({ dataPoints }) => dataPoints.length > 0);
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope: { name: this.scope }, metrics }];
    return Promise.resolve({ resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics }, errors: [] });
  }
}
