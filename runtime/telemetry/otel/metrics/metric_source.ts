import type { MetricProducer, MetricReader } from "@opentelemetry/sdk-metrics";
import type { Histogram } from "./histogram.ts";
import type { Catalogue, Labels } from "./instrument.ts";

export interface MetricPush {
  readonly url: string;
  /** Creates the reader that pushes. @param metricProducers provide metrics beside those of the SDK */
  reader(metricProducers: MetricProducer[]): MetricReader;
}

/** Counters and gauges that are read together, at collection. */
export interface Observation {
  readonly names: readonly string[];
  read(observe: (name: string, value: number, labels?: Labels) => void): void | Promise<void>;
}

/** The metrics that the SDK collects. */
export interface MetricSource {
  readonly catalogue: Catalogue;
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** By their names. */
  readonly observations: ReadonlyMap<string, Observation>;
}
