import { INSTRUMENTS } from "./instruments.ts";
import { droppedCount, SIGNALS } from "./otel/export/dropped_items.ts";
import type { ResourceAttributes } from "./otel/export/resource.ts";
import { resourceAttributes } from "./resource_attributes.ts";
import type { Env } from "./otel/export/otlp_environment.ts";
import { type MetricPush, MetricRegistry } from "./otel/metrics/metric_registry.ts";
import { otlpPush } from "./otel/metrics/otlp_metrics.ts";

/** The metrics of a Weir process, as `INSTRUMENTS` lists them. */
export class Metrics extends MetricRegistry<typeof INSTRUMENTS> {
  constructor(serviceName: string, push?: MetricPush, attributes?: ResourceAttributes) {
    super(INSTRUMENTS, serviceName, "weir", push, attributes);
    this.observableCounter("weir.telemetry.dropped", () => SIGNALS.map((signal) => [droppedCount(signal), { signal }]));
  }
}

export async function setupMetrics(env: Env, serviceName: string): Promise<Metrics> {
  return new Metrics(serviceName, await otlpPush(env), resourceAttributes(env));
}
