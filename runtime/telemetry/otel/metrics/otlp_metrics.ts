import { ExportResultCode } from "@opentelemetry/core";
import { PeriodicExportingMetricReader, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import { countDropped, refusalOf } from "../export/dropped_items.ts";
import { type Env, numberFrom, otlpEndpoint, otlpTimeoutMs } from "../export/otlp_environment.ts";
import { type MetricPush, temporalityOf } from "./metric_registry.ts";

/**
 * Returns the push that the standard `OTEL_*` variables ask for, or undefined if they ask for no push. The exporter is
 * loaded only if it is used, and itself reads headers, compression and so on from `OTEL_EXPORTER_OTLP_*`.
 */
export async function otlpPush(env: Env): Promise<MetricPush | undefined> {
  const endpoint = otlpEndpoint(env, "metrics"), own = env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
  if (!endpoint) return undefined;
  const url = own || `${endpoint.replace(/\/$/, "")}/v1/metrics`;
  const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-http");
  const exporter = countingFailures(new OTLPMetricExporter({ url, timeoutMillis: otlpTimeoutMs(env, "metrics") }));
  exporter.selectAggregationTemporality = temporalityOf;
  const intervalMs = numberFrom(env, "OTEL_METRIC_EXPORT_INTERVAL", 60_000);
  const timeoutMs = numberFrom(env, "OTEL_METRIC_EXPORT_TIMEOUT", 10_000);
  return {
    url,
    reader: (metricProducers) =>
      new PeriodicExportingMetricReader({
        exporter,
        metricProducers,
        exportIntervalMillis: intervalMs,
        exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
      }),
  };
}

/** Counts each export that the collector does not accept. */
function countingFailures(exporter: PushMetricExporter): PushMetricExporter {
  const push = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    push(metrics, (result) => {
      if (result.code !== ExportResultCode.SUCCESS) countDropped("metrics", 1, refusalOf(result.error));
      done(result);
    });
  return exporter;
}
