import type { MetricData } from "@opentelemetry/sdk-metrics";
import { countsOf, mergeMetrics } from "./merge_metrics.ts";

/** Processes that measure, and that may say nothing in time. */
interface Measured {
  metrics(withinMs: number): Promise<readonly MetricData[] | undefined>;
}

/** Longer than a look of theirs may take at a server that hangs, and shorter than Prometheus waits. */
const ANSWER_MS = 6_000;

/**
 * What several processes that come and go count, as one. It never goes backwards: of a process that is gone, and of
 * one that does not answer, the last that it said goes on to count. What it counted after that is lost with it.
 */
export class MetricsSum<Source extends Measured> {
  #gone: MetricData[] = [];
  readonly #last = new Map<Source, readonly MetricData[]>();

  /** Asks all of them at once, and adds what is given to it. */
  async of(sources: readonly Source[], own: readonly MetricData[] = []): Promise<MetricData[]> {
    const said = await Promise.all(sources.map(async (source) => {
      const metrics = await source.metrics(ANSWER_MS);
      if (metrics && !this.#ended.has(source)) this.#last.set(source, metrics);
      return metrics ? [source] : [];
    }));
    const heard = new Set(said.flat());
    const living = [...this.#last].map(([source, metrics]) => heard.has(source) ? metrics : countsOf(metrics));
    return mergeMetrics([own, this.#gone, ...living]);
  }

  /** It will say no more. */
  ended(source: Source): void {
    this.#ended.add(source);
    this.#gone = mergeMetrics([this.#gone, countsOf(this.#last.get(source) ?? [])]);
    this.#last.delete(source);
  }

  /** Ends and answers may cross. */
  readonly #ended = new WeakSet<Source>();
}
