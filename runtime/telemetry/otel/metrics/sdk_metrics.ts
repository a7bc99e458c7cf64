import { type HrTime, type Meter, type MetricOptions, type Observable, ValueType } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type HistogramMetricData,
  InstrumentType,
  MeterProvider,
  type MetricProducer,
  MetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { type ResourceAttributes, resourceOf } from "../export/resource.ts";
import type { Histogram } from "./histogram.ts";
import type { MetricPush, MetricSource } from "./metric_source.ts";

/** Milliseconds that a collection may take: less than a Prometheus scrape timeout, if a gauge's source hangs. */
const COLLECT_MS = 5_000;

/**
 * The SDK's view of a registry. It has a meter provider of its own, so that the Prometheus page and the push by OTLP
 * show the same numbers.
 */
export class SdkMetrics {
  readonly #page: PageReader;
  readonly #provider: MeterProvider;
  readonly #meter: Meter;
  readonly #added = new Set<string>();

  constructor(
    readonly source: MetricSource,
    serviceName: string,
    scope: string,
    push?: MetricPush,
    attributes?: ResourceAttributes,
  ) {
    const producers = [new HistogramProducer(scope, source.histograms)];
    this.#page = new PageReader({ aggregationTemporalitySelector: temporalityOf, metricProducers: producers });
    const readers = [this.#page, ...push ? [push.reader(producers)] : []];
    this.#provider = new MeterProvider({ resource: resourceOf(serviceName, attributes), readers });
    this.#meter = this.#provider.getMeter(scope);
    this.addNew();
  }

  /** Adds the observations that have come to the source since the last call. */
  addNew(): void {
    for (const [key, { names }] of this.source.observations) {
      if (this.#added.has(key)) continue;
      this.#added.add(key);
      const instruments = new Map(names.map((name) => [name, this.#create(name)]));
      this.#meter.addBatchObservableCallback(
        // Looked up at each collection: the next runtime in a process replaces how its gauges are read.
        (result) =>
          this.source.observations.get(key)!.read((name, value, labels) =>
            result.observe(instruments.get(name)!, value, labels)
          ),
        [...instruments.values()],
      );
    }
  }

  async collect(): Promise<ResourceMetrics> {
    return (await this.#page.collect({ timeoutMillis: COLLECT_MS })).resourceMetrics;
  }

  /** Pushes a last time and stops. */
  shutdown(): Promise<void> {
    return this.#provider.shutdown();
  }

  #create(name: string): Observable {
    const { help: description, unit, kind } = this.source.catalogue[name],
      options: MetricOptions = { description, unit };
    return kind === "counter"
      ? this.#meter.createObservableCounter(name, options)
      : this.#meter.createObservableGauge(name, options);
  }
}

/** Returns delta for gauges: with cumulative temporality the SDK repeats the last value of an ended series. */
export function temporalityOf(kind: InstrumentType): AggregationTemporality {
  return kind === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
}

/** A reader that collects only on request. */
class PageReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Provides histograms to SDK readers, beside the instruments that the SDK measures. */
export class HistogramProducer implements MetricProducer {
  constructor(readonly scope: string, readonly histograms: ReadonlyMap<string, Histogram>) {}

  collect(): Promise<CollectionResult> {
    const now = millisToHrTime(Date.now());
    const metrics = [...this.histograms.values().map((histogram) => dataOf(histogram, now))]
      .filter(({ dataPoints }) => dataPoints.length > 0);
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope: { name: this.scope }, metrics }];
    return Promise.resolve({ resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics }, errors: [] });
  }
}

/** Returns a histogram in the form that SDK readers collect. */
function dataOf(histogram: Histogram, endTime: HrTime): HistogramMetricData {
  const { name, instrument: { unit, help: description } } = histogram;
  const points = Iterator.from(histogram).map(({ labels, sinceMs, bounds, counts, sum, min, max }) => ({
    attributes: labels,
    startTime: millisToHrTime(sinceMs),
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
