import type { Attributes } from "@opentelemetry/api";
import { type DataPoint, DataPointType, type Histogram, type MetricData } from "@opentelemetry/sdk-metrics";
import type { GaugeName } from "../../telemetry/instruments.ts";

/** A process that reports its metrics, unless it takes too long. */
interface MetricsSource {
  metrics(timeoutMs: number): Promise<readonly MetricData[] | undefined>;
}

/** Timeout of a worker's metrics in milliseconds: above its timeout for NATS, below Prometheus's default of 10 s. */
const METRICS_TIMEOUT_MS = 6_000;

/**
 * Merge function of each gauge. Amounts of single workers are added. Of a value that all workers share one is taken,
 * and of other values the worst.
 */
const GAUGES: Readonly<Record<GaugeName, (a: number, b: number) => number>> = {
  "weir.function.in_flight": add,
  "weir.function.concurrency": add,
  "weir.function.limit": add,
  "weir.function.key_waiting": add,
  "weir.ingress.in_flight": add,
  "process.memory.usage": add,
  "weir.function.pending": Math.max,
  "weir.function.ack_pending": Math.max,
  "weir.function.delayed_retries": Math.max,
  "weir.function.oldest_waiting_age": Math.max,
  "weir.function.paused": Math.max,
  "weir.function.rate_limited": Math.max,
  "weir.function.rate_waiting": add,
  "weir.function.order_holder": add,
  "weir.function.order_partitions": add,
  "weir.function.order_waiting": add,
  "weir.function.order_blocked_keys": add,
  "weir.function.order_parked_keys": add,
  "weir.function.rate_local": Math.max,
  "weir.dead_letters.waiting": Math.max,
  "weir.event_loop.lag": Math.max,
  "weir.function.pulling": Math.max,
  "weir.breaker.state": Math.max,
  "weir.breaker.local": Math.max,
  "weir.nats.clock_ahead": Math.max, // all are of one host
  "weir.nats.connected": Math.min,
};

/**
 * Merges the metrics of workers into the metrics of one process. Counters never decrease: if a worker has exited or
 * does not answer, its last known counts remain. Gauges contain only the workers that answer.
 */
export class WorkerMetrics<Source extends MetricsSource> {
  /** Counts of the workers that have exited. */
  #exited: MetricData[] = [];
  readonly #last = new Map<Source, readonly MetricData[]>();
  /** Workers whose counts are in `#exited`. If such a worker still answers, the answer is ignored. */
  readonly #closed = new WeakSet<Source>();

  /**
   * Requests the metrics of all workers at once, and merges them.
   *
   * @param own Metrics of the supervisor. Default: none.
   */
  async read(workers: readonly Source[], own: readonly MetricData[] = []): Promise<MetricData[]> {
    const answered = new Set<Source>();
    await Promise.all(workers.map(async (worker) => {
      const metrics = await worker.metrics(METRICS_TIMEOUT_MS);
      if (!metrics) return;
      answered.add(worker);
      if (!this.#closed.has(worker)) this.#last.set(worker, metrics);
    }));
    const running = [...this.#last].map(([worker, metrics]) => answered.has(worker) ? metrics : countsOf(metrics));
    return mergeMetrics([own, this.#exited, ...running]);
  }

  /** Keeps the counts of a worker that has exited. */
  exited(worker: Source): void {
    this.#closed.add(worker);
    this.#exited = mergeMetrics([this.#exited, countsOf(this.#last.get(worker) ?? [])]);
    this.#last.delete(worker);
  }
}

function mergeMetrics(all: readonly (readonly MetricData[])[]): MetricData[] {
  const merged = new Map<string, MetricData>();
  for (const metric of all.flat()) {
    const before = merged.get(metric.descriptor.name);
    merged.set(metric.descriptor.name, before ? mergePoints(before, metric) : metric);
  }
  return [...merged.values()];
}

/** Returns the metrics that accumulate. */
function countsOf(metrics: readonly MetricData[]): MetricData[] {
  return metrics.filter(({ dataPointType }) => dataPointType !== DataPointType.GAUGE);
}

function mergePoints(a: MetricData, b: MetricData): MetricData {
  type Point = DataPoint<unknown>;
  const points = new Map<string, Point>(a.dataPoints.map((point: Point) => [keyOf(point.attributes), point]));
  for (const point of b.dataPoints as Point[]) {
    const key = keyOf(point.attributes), before = points.get(key);
    points.set(key, before ? { ...before, value: mergeValues(a, before.value, point.value) } : point);
  }
  return { ...a, dataPoints: [...points.values()] } as MetricData;
}

function mergeValues({ dataPointType, descriptor }: MetricData, a: unknown, b: unknown): unknown {
  switch (dataPointType) {
    case DataPointType.HISTOGRAM:
      return addHistograms(a as Histogram, b as Histogram);
    case DataPointType.GAUGE:
      return (GAUGES[descriptor.name as GaugeName] ?? Math.max)(a as number, b as number);
    default:
      return add(a as number, b as number);
  }
}

function addHistograms(a: Histogram, b: Histogram): Histogram {
  const counts = a.buckets.counts.map((count, i) => count + (b.buckets.counts[i] ?? 0));
  return {
    buckets: { ...a.buckets, counts },
    count: a.count + b.count,
    sum: (a.sum ?? 0) + (b.sum ?? 0),
  };
}

function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => a < b ? -1 : 1));
}

function add(a: number, b: number): number {
  return a + b;
}
