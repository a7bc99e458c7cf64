import { ExportResultCode } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { PeriodicExportingMetricReader, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import { countDropped, refusalOf } from "../export/dropped_items.ts";
import { type Env, numberFrom, otlpTimeoutMs } from "../export/otlp_environment.ts";
import type { MetricPush } from "./metric_source.ts";
import { temporalityOf } from "./sdk_metrics.ts";

/** Returns the push to an endpoint. The exporter itself reads headers and so on from `OTEL_EXPORTER_OTLP_*`. */
export function otlpPush(env: Env, endpoint: string): MetricPush {
  const own = env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
  const url = own || `${endpoint.replace(/\/$/, "")}/v1/metrics`;
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
