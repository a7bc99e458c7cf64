import type { BatchObservableResult, Meter, MetricOptions, Observable } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InstrumentType,
  MeterProvider,
  type MetricData,
  type MetricProducer,
  MetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { FLUSH_MS } from "../export/otlp_environment.ts";
import { type ResourceAttributes, resourceOf } from "../export/resource.ts";
import { Counter } from "./counter.ts";
import { type Histogram, Histograms } from "./histogram.ts";
import type { Catalogue, Labels, NameOf } from "./instrument.ts";

export interface MetricPush {
  readonly url: string;
  /** Creates the reader that pushes. @param metricProducers provide metrics beside those of the SDK */
  reader(metricProducers: MetricProducer[]): MetricReader;
}

type Sample = readonly [value: number, labels?: Labels];

/** Milliseconds that a collection may take: less than a Prometheus scrape timeout, if a gauge's source hangs. */
const COLLECT_MS = 5_000;

/**
 * The metrics of one process. It has a meter provider of its own, so that the Prometheus page and the push by OTLP show
 * the same numbers.
 */
export class MetricRegistry<Instruments extends Catalogue> {
  /** The URL metrics are pushed to; undefined if they are not. */
  readonly pushesTo: string | undefined;
  readonly #catalogue: Catalogue;
  readonly #histograms: Histograms;
  readonly #page: PageReader;
  readonly #provider: MeterProvider;
  readonly #meter: Meter;
  readonly #counters = new Map<string, Counter>();
  /** Functions that remove the callback of gauges, by the gauges' names. */
  readonly #removals = new Map<string, () => void>();

  /**
   * @param scope The instrumentation scope of the metrics.
   * @param push Default: metrics are not pushed.
   * @param attributes Further attributes of the resource. Default: none.
   */
  constructor(
    catalogue: Instruments,
    serviceName: string,
    scope: string,
    push?: MetricPush,
    attributes?: ResourceAttributes,
  ) {
    this.pushesTo = push?.url;
    this.#catalogue = catalogue;
    this.#histograms = new Histograms(scope);
    this.#page = new PageReader(this.#histograms);
    this.#provider = new MeterProvider({
      resource: resourceOf(serviceName, attributes),
      readers: [this.#page, ...push ? [push.reader([this.#histograms])] : []],
    });
    this.#meter = this.#provider.getMeter(scope);
  }

  /** Returns a counter: for a name, always the same counter. */
  counter(name: NameOf<Instruments, "counter"> & string): Counter {
    return this.#counters.getOrInsertComputed(name, () => {
      const counter = new Counter();
      this.observableCounter(name, () => Iterator.from(counter).map(({ value, labels }) => [value, labels]));
      return counter;
    });
  }

  /** Adds a counter whose totals are kept elsewhere and read at collection. */
  observableCounter(name: NameOf<Instruments, "counter"> & string, read: () => Iterable<Sample>): void {
    this.#meter.createObservableCounter(name, this.#options(name)).addCallback((result) => {
      for (const [value, labels] of read()) result.observe(value, labels);
    });
  }

  /** Adds a gauge that is read at collection, or replaces how it is read. */
  gauge(name: NameOf<Instruments, "gauge"> & string, read: () => Iterable<Sample>): void {
    this.gauges([name], (observe) => {
      for (const [value, labels] of read()) observe(name, value, labels);
    });
  }

  /**
   * Adds gauges that are read together, or replaces how they are read: the next runtime in a process adds its gauges to
   * the same metrics.
   */
  gauges<Name extends NameOf<Instruments, "gauge"> & string>(
    names: readonly Name[],
    read: (observe: (name: Name, value: number, labels?: Labels) => void) => void | Promise<void>,
  ): void {
    const gauges = new Map<Name, Observable>(
      names.map((name) => [name, this.#meter.createObservableGauge(name, this.#options(name))]),
    );
    const observe = (result: BatchObservableResult) =>
      read((name, value, labels) => result.observe(gauges.get(name)!, value, labels));
    this.#removals.get(names.join())?.();
    this.#meter.addBatchObservableCallback(observe, [...gauges.values()]);
    this.#removals.set(names.join(), () => this.#meter.removeBatchObservableCallback(observe, [...gauges.values()]));
  }

  /** Returns a histogram; the same one at each call for a name. */
  histogram(name: NameOf<Instruments, "histogram"> & string): Histogram {
    return this.#histograms.get(name, this.#catalogue[name]);
  }

  /**
   * Returns all metrics in the Prometheus text format.
   *
   * @param transform changes the metrics first. Default: leaves them as they are.
   */
  async page(transform: (own: MetricData[]) => Promise<MetricData[]> = (own) => Promise.resolve(own)): Promise<string> {
    const { prometheusPage } = await import("./prometheus_page.ts"); // loaded at the first scrape
    const { resource, scopeMetrics } = await this.#collect(), { scope } = scopeMetrics[0];
    const metrics = await transform(scopeMetrics.flatMap(({ metrics }) => metrics));
    return prometheusPage({ resource, scopeMetrics: [{ scope, metrics }] });
  }

  async data(): Promise<readonly MetricData[]> {
    return (await this.#collect()).scopeMetrics.flatMap(({ metrics }) => metrics);
  }

  /** Pushes a last time and stops. Never rejects and takes at most two seconds. */
  async shutdown(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, FLUSH_MS));
    await Promise.race([this.#provider.shutdown().catch(() => {}), timeout]);
    clearTimeout(timer);
  }

  async #collect(): Promise<ResourceMetrics> {
    return (await this.#page.collect({ timeoutMillis: COLLECT_MS })).resourceMetrics;
  }

  #options(name: string): MetricOptions {
    const { help, unit } = this.#catalogue[name];
    return { description: help, unit };
  }
}

/** Returns delta for gauges: with cumulative temporality the SDK repeats the last value of an ended series. */
export function temporalityOf(kind: InstrumentType): AggregationTemporality {
  return kind === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
}

/** A reader that collects only on request. */
class PageReader extends MetricReader {
  constructor(producer: MetricProducer) {
    super({ aggregationTemporalitySelector: temporalityOf, metricProducers: [producer] });
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}
