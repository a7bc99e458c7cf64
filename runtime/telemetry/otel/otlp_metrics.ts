import { ExportResultCode } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import {
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";

import { temporalityOf } from "./metrics.ts";

type Env = (name: string) => string | undefined;

/**
 * Pushes by OTLP over HTTP. The exporter reads headers, compression and the like from `OTEL_EXPORTER_OTLP_*` itself.
 *
 * @param failed is called for each push that was not taken
 * @param metricProducers who measures besides the SDK
 */
export function otlpReader(
  env: Env,
  url: string,
  failed: () => void,
  metricProducers: MetricProducer[],
): PeriodicExportingMetricReader {
  const number = (name: string, otherwise: number) => Number(env(name)) || otherwise;
  const everyMs = number("OTEL_METRIC_EXPORT_INTERVAL", 60_000);
  // As for traces: its default of ten seconds would keep a process that is done, where the collector is gone.
  const exporter: PushMetricExporter = new OTLPMetricExporter({
    url,
    timeoutMillis: number("OTEL_EXPORTER_OTLP_TIMEOUT", 2_000),
  });
  exporter.selectAggregationTemporality = temporalityOf;
  const push = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    push(metrics, (result) => {
      if (result.code !== ExportResultCode.SUCCESS) failed();
      done(result);
    });
  return new PeriodicExportingMetricReader({
    exporter,
    metricProducers,
    exportIntervalMillis: everyMs,
    exportTimeoutMillis: Math.min(number("OTEL_METRIC_EXPORT_TIMEOUT", 10_000), everyMs),
  });
}
