import { INSTRUMENTS } from "./instruments.ts";
import { droppedCount, SIGNALS } from "./otel/export/dropped_items.ts";
import type { ResourceAttributes } from "./otel/export/resource.ts";
import { resourceAttributes } from "./resource_attributes.ts";
import { type Env, otlpEndpoint } from "./otel/export/otlp_environment.ts";
import { MetricRegistry } from "./otel/metrics/metric_registry.ts";
import type { MetricPush } from "./otel/metrics/metric_source.ts";

/** The metrics of a Weir process, as `INSTRUMENTS` lists them. */
export class Metrics extends MetricRegistry<typeof INSTRUMENTS> {
  constructor(serviceName: string, push?: MetricPush, attributes?: ResourceAttributes) {
    super(INSTRUMENTS, serviceName, "weir", push, attributes);
    this.observableCounter("weir.telemetry.dropped", () => SIGNALS.map((signal) => [droppedCount(signal), { signal }]));
  }
}

/** Sets the metrics of this process up, with the push that the standard `OTEL_*` variables ask for. */
export async function setupMetrics(env: Env, serviceName: string): Promise<Metrics> {
  const endpoint = otlpEndpoint(env, "metrics");
  // Loaded only if it is used: it needs the SDK.
  const push = endpoint ? (await import("./otel/metrics/otlp_metrics.ts")).otlpPush(env, endpoint) : undefined;
  return new Metrics(serviceName, push, resourceAttributes(env));
}
