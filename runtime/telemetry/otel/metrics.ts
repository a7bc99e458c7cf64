import type { BatchObservableResult, Meter, Observable, ObservableResult } from "@opentelemetry/api";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  InstrumentType,
  MeterProvider,
  type MetricData,
  type MetricProducer,
  MetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { Histogram, Histograms } from "./histogram.ts";
import { type CounterName, type GaugeName, type HistogramName, INSTRUMENTS, type Labels } from "../instruments.ts";
import { countDropped, dropped } from "./dropped_items.ts";
import { type Cell, Counter } from "./counter.ts";

/** Reads environment variables. */
type Env = (name: string) => string | undefined;

/** A histogram. Hand it the same labels object again and again: a new one for each event would be garbage. */
export interface Recorder {
  record(value: number, labels: Labels): void;
}

/** Makes what pushes. It is told how to count a push that failed, and who else measures. */
type Pushing = (failed: () => void, metricProducers: MetricProducer[]) => MetricReader;

/** One value of a gauge. */
type Sample = readonly [value: number, labels?: Labels];

/** What the server's page and a push may take at the end: a collector that is gone must not keep the process. */
const FLUSH_MS = 2_000;
/** What a look may take: a server that hangs must not keep a scrape for longer than Prometheus waits. */
const COLLECT_MS = 5_000;

/**
 * The instruments of one process, with a provider of their own: the page of the admin listener and the push by OTLP
 * show the same numbers.
 */
export class Metrics {
  /** Where metrics are pushed to; undefined for nowhere. */
  readonly pushesTo: string | undefined;
  readonly #distributions = new Histograms();
  readonly #page = new PageReader(this.#distributions);
  readonly #provider: MeterProvider;
  readonly #meter: Meter;
  readonly #tallies = new Map<CounterName, Counter>();
  /** Ends what reads a gauge, or several. */
  readonly #forget = new Map<string, () => void>();

  constructor(serviceName: string, push?: { readonly to: string; reader: Pushing }) {
    this.pushesTo = push?.to;
    const failed = (): void => countDropped("metrics", 1);
    this.#provider = new MeterProvider({
      // Replicas that push are told apart by their instance; a page needs none, since whoever scrapes names it.
      resource: defaultResource()
        .merge(resourceFromAttributes({ "service.name": serviceName, "service.instance.id": crypto.randomUUID() }))
        .merge(detectResources({ detectors: [envDetector] })),
      readers: [this.#page, ...push ? [push.reader(failed, [this.#distributions])] : []],
    });
    this.#meter = this.#provider.getMeter("weir");
    const drops = this.#meter.createObservableCounter("weir.telemetry.dropped", described("weir.telemetry.dropped"));
    drops.addCallback((result) => {
      for (const signal of ["traces", "logs", "metrics"] as const) result.observe(dropped(signal), { signal });
    });
  }

  /** A counter; the same one at every call. */
  counter(name: CounterName): Counter {
    let tally = this.#tallies.get(name);
    if (!tally) {
      const cells: Counter = tally = new Counter();
      this.#tallies.set(name, tally);
      this.#meter.createObservableCounter(name, described(name)).addCallback((result) => {
        for (const { value, labels } of cells as Iterable<Cell>) result.observe(value, labels);
      });
    }
    return tally;
  }

  /** A counter that somebody else keeps. */
  total(name: CounterName, read: () => number): void {
    this.#meter.createObservableCounter(name, described(name)).addCallback((result) => result.observe(read()));
  }

  /** A gauge. Given again, it is read the new way only. */
  gauge(name: GaugeName, read: () => Iterable<Sample>): void {
    const gauge = this.#meter.createObservableGauge(name, described(name));
    const look = (result: ObservableResult) => {
      for (const [value, labels] of read()) result.observe(value, labels);
    };
    gauge.addCallback(look);
    this.#replace(name, () => gauge.removeCallback(look));
  }

  /** Several gauges that are read together, and may take a while. Given again, they are read the new way only. */
  gauges<Name extends GaugeName>(
    names: readonly Name[],
    read: (observe: (name: Name, value: number, labels: Labels) => void) => Promise<void>,
  ): void {
    const gauges = new Map<Name, Observable>(
      names.map((name) => [name, this.#meter.createObservableGauge(name, described(name))]),
    );
    const look = (result: BatchObservableResult) =>
      read((name, value, labels) => result.observe(gauges.get(name)!, value, labels));
    this.#meter.addBatchObservableCallback(look, [...gauges.values()]);
    this.#replace(names.join(), () => this.#meter.removeBatchObservableCallback(look, [...gauges.values()]));
  }

  /** A runtime that follows another in this process hangs its gauges on the same metrics. */
  #replace(gauges: string, forget: () => void): void {
    this.#forget.get(gauges)?.();
    this.#forget.set(gauges, forget);
  }

  /** A histogram; the same one at every call. */
  histogram(name: HistogramName): Recorder {
    const { unit, help, buckets } = INSTRUMENTS[name];
    return this.#distributions.get(name, () => new Histogram(name, unit, help, buckets));
  }

  /** Everything, in the text format of Prometheus; `change` may make something else of it. */
  async page(change: (own: MetricData[]) => Promise<MetricData[]> = (own) => Promise.resolve(own)): Promise<string> {
    const { prometheusPage } = await import("./prometheus_page.ts"); // loaded by the first to ask
    const { resource, scopeMetrics } = await this.#collect(), { scope } = scopeMetrics[0];
    const metrics = await change(scopeMetrics.flatMap(({ metrics }) => metrics));
    return prometheusPage({ resource, scopeMetrics: [{ scope, metrics }] });
  }

  /** Everything, as plain data. */
  async data(): Promise<readonly MetricData[]> {
    return (await this.#collect()).scopeMetrics.flatMap(({ metrics }) => metrics);
  }

  async #collect(): Promise<ResourceMetrics> {
    return (await this.#page.collect({ timeoutMillis: COLLECT_MS })).resourceMetrics;
  }

  /** Pushes once more and stops. Never rejects and takes two seconds at the most. */
  async shutdown(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, FLUSH_MS));
    await Promise.race([this.#provider.shutdown().catch(() => {}), late]);
    clearTimeout(timer);
  }
}

/** Sets metrics up from the standard `OTEL_*` variables. What pushes is loaded only when there is somewhere to. */
export async function setupMetrics(env: Env, serviceName: string): Promise<Metrics> {
  const general = env("OTEL_EXPORTER_OTLP_ENDPOINT");
  const to = env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") || general && `${general.replace(/\/$/, "")}/v1/metrics`;
  const exporters = (env("OTEL_METRICS_EXPORTER") || "otlp").split(",").map((name) => name.trim());
  if (!to || !exporters.includes("otlp") || env("OTEL_SDK_DISABLED") === "true") return new Metrics(serviceName);
  const { otlpReader } = await import("./otlp_metrics.ts");
  return new Metrics(serviceName, { to, reader: (...given) => otlpReader(env, to, ...given) });
}

/** Of a gauge only what was said just now: cumulative, the SDK goes on with the last of what nobody knows any more. */
export function temporalityOf(kind: InstrumentType): AggregationTemporality {
  return kind === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
}

function described(name: CounterName | GaugeName | HistogramName): { description: string; unit: string } {
  const { help, unit } = INSTRUMENTS[name];
  return { description: help, unit };
}

/** Collects when it is told to, and not before. */
class PageReader extends MetricReader {
  constructor(distributions: MetricProducer) {
    super({ aggregationTemporalitySelector: temporalityOf, metricProducers: [distributions] });
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}
