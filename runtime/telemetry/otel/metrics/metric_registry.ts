import type { MetricData, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { FLUSH_MS } from "../export/otlp_environment.ts";
import type { ResourceAttributes } from "../export/resource.ts";
import { Counter } from "./counter.ts";
import { Histogram } from "./histogram.ts";
import type { Catalogue, Labels, NameOf } from "./instrument.ts";
import type { MetricPush, Observation } from "./metric_source.ts";
import type { SdkMetrics } from "./sdk_metrics.ts";

type Sample = readonly [value: number, labels?: Labels];

/** The metrics of one process, as plain numbers. The SDK is loaded at the first collection, or at once for a push. */
export class MetricRegistry<Instruments extends Catalogue> {
  /** The URL metrics are pushed to; undefined if they are not. */
  readonly pushesTo: string | undefined;
  readonly #catalogue: Catalogue;
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #observations = new Map<string, Observation>();
  readonly #load: () => Promise<SdkMetrics>;
  #loading: Promise<SdkMetrics> | undefined;
  #sdk: SdkMetrics | undefined;

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
    const source = { catalogue, histograms: this.#histograms, observations: this.#observations };
    this.#load = async () => {
      const { SdkMetrics } = await import("./sdk_metrics.ts"); // loaded here: many processes are never scraped
      return this.#sdk = new SdkMetrics(source, serviceName, scope, push, attributes);
    };
    if (push) this.#loading = this.#load();
  }

  /** Returns a counter: for a name, always the same counter. */
  counter(name: NameOf<Instruments, "counter"> & string): Counter {
    return this.#counters.getOrInsertComputed(name, () => {
      const counter = new Counter();
      this.observableCounter(name, () => Iterator.from(counter).map(({ value, labels }) => [value, labels]));
      return counter;
    });
  }

  /** Adds a counter whose totals are kept elsewhere and read at collection, or replaces how it is read. */
  observableCounter(name: NameOf<Instruments, "counter"> & string, read: () => Iterable<Sample>): void {
    this.#observeEach(name, read);
  }

  /** Adds a gauge that is read at collection, or replaces how it is read. */
  gauge(name: NameOf<Instruments, "gauge"> & string, read: () => Iterable<Sample>): void {
    this.#observeEach(name, read);
  }

  /**
   * Adds gauges that are read together, or replaces how they are read: the next runtime in a process adds its gauges to
   * the same metrics.
   */
  gauges<Name extends NameOf<Instruments, "gauge"> & string>(
    names: readonly Name[],
    read: (observe: (name: Name, value: number, labels?: Labels) => void) => void | Promise<void>,
  ): void {
    this.#observations.set(names.join(), { names, read });
    this.#sdk?.addNew();
  }

  /** Returns a histogram; the same one at each call for a name. */
  histogram(name: NameOf<Instruments, "histogram"> & string): Histogram {
    return this.#histograms.getOrInsertComputed(name, () => new Histogram(name, this.#catalogue[name]));
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
    if (!this.#loading) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, FLUSH_MS));
    await Promise.race([this.#loading.then((sdk) => sdk.shutdown()).catch(() => {}), timeout]);
    clearTimeout(timer);
  }

  async #collect(): Promise<ResourceMetrics> {
    return await (await (this.#loading ??= this.#load())).collect();
  }

  #observeEach(name: string, read: () => Iterable<Sample>): void {
    const readEach: Observation["read"] = (observe) => {
      for (const [value, labels] of read()) observe(name, value, labels);
    };
    this.#observations.set(name, { names: [name], read: readEach });
    this.#sdk?.addNew();
  }
}
