import { ExportResultCode } from "@opentelemetry/core";
import { PeriodicExportingMetricReader, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import { countDropped } from "../export/dropped_items.ts";
import { type Env, numberFrom, otlpTimeoutMs } from "../export/otlp_environment.ts";
import { type MetricPush, temporalityOf } from "./metric_registry.ts";

/**
 * Returns the push that the standard `OTEL_*` variables ask for; undefined if they ask for none. The exporter is loaded
 * only if it is used. It reads headers, compression and the like from `OTEL_EXPORTER_OTLP_*` itself.
 */
export async function otlpPush(env: Env): Promise<MetricPush | undefined> {
  const base = env("OTEL_EXPORTER_OTLP_ENDPOINT");
  const url = env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") || base && `${base.replace(/\/$/, "")}/v1/metrics`;
  const exporters = (env("OTEL_METRICS_EXPORTER") || "otlp").split(",").map((name) => name.trim());
  if (!url || !exporters.includes("otlp") || env("OTEL_SDK_DISABLED") === "true") return undefined;
  const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-http");
  const exporter = countingFailures(new OTLPMetricExporter({ url, timeoutMillis: otlpTimeoutMs(env) }));
  exporter.selectAggregationTemporality = temporalityOf;
  const intervalMs = numberFrom(env, "OTEL_METRIC_EXPORT_INTERVAL", 60_000);
  const timeoutMs = numberFrom(env, "OTEL_METRIC_EXPORT_TIMEOUT", 10_000);
  return {
    url,
    reader: new PeriodicExportingMetricReader({
      exporter,
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
      if (result.code !== ExportResultCode.SUCCESS) countDropped("metrics", 1);
      done(result);
    });
  return exporter;
}
