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
import type { Labels } from "../instruments.ts";

/** One series of a histogram. */
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

/** A histogram as plain numbers in memory, read when somebody looks: see `Tally`, which it is the same for. */
export class Histogram {
  readonly #cells = new Map<string, Cell>();
  /** Whoever hands in the same labels again finds their series by that. */
  readonly #known = new WeakMap<Labels, Cell>();

  constructor(
    readonly name: string,
    readonly unit: string,
    readonly help: string,
    readonly bounds: readonly number[],
  ) {}

  record(value: number, labels: Labels): void {
    (this.#known.get(labels) ?? this.#cell(labels)).record(value);
  }

  /** As the SDK's readers take it. */
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
    const key = Object.values(labels).join("\n");
    let cell = this.#cells.get(key);
    if (!cell) this.#cells.set(key, cell = new Cell({ ...labels }, this.bounds, millisToHrTime(Date.now())));
    this.#known.set(labels, cell);
    return cell;
  }
}

/** Hands distributions to the SDK's readers, beside what the SDK itself has measured. */
export class Histograms implements MetricProducer {
  readonly #all = new Map<string, Histogram>();

  /** @param make makes it at the first call for that name */
  get(name: string, make: () => Histogram): Histogram {
    let found = this.#all.get(name);
    if (!found) this.#all.set(name, found = make());
    return found;
  }

  collect(): Promise<CollectionResult> {
    const now = millisToHrTime(Date.now());
    const metrics = [...this.#all.values()].map((one) => one.data(now)).filter(({ dataPoints }) =>
      dataPoints.length > 0
    );
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope: { name: "weir" }, metrics }];
    return Promise.resolve({ resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics }, errors: [] });
  }
}
