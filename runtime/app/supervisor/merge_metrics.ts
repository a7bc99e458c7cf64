import type { Attributes } from "@opentelemetry/api";
import { type DataPoint, DataPointType, type Histogram, type MetricData } from "@opentelemetry/sdk-metrics";
import type { GaugeName } from "../../telemetry/instruments.ts";

/** What a gauge of several processes is: of what each has for itself the sum, of what each has to say an extreme. */
const GAUGES: Readonly<Record<GaugeName, (a: number, b: number) => number>> = {
  "weir.function.in_flight": add,
  "weir.function.concurrency": add,
  "weir.ingress.in_flight": add,
  "process.memory.usage": add,
  "weir.function.pending": Math.max,
  "weir.function.ack_pending": Math.max,
  "weir.function.delayed_retries": Math.max,
  "weir.function.oldest_waiting_age": Math.max,
  "weir.dead_letters.waiting": Math.max,
  "weir.event_loop.lag": Math.max,
  "weir.function.pulling": Math.max,
  "weir.breaker.state": Math.max,
  "weir.nats.connected": Math.min,
};

/** The metrics of several processes as those of one: a series that several have is there once. */
export function mergeMetrics(all: readonly (readonly MetricData[])[]): MetricData[] {
  const merged = new Map<string, MetricData>();
  for (const metric of all.flat()) {
    const before = merged.get(metric.descriptor.name);
    merged.set(metric.descriptor.name, before ? mergePoints(before, metric) : metric);
  }
  return [...merged.values()];
}

/** Only what counts up: it goes on to count when the process that counted it is gone. */
export function countsOf(metrics: readonly MetricData[]): MetricData[] {
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
