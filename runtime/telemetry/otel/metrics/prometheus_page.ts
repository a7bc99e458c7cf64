import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { type CollectionResult, DataPointType } from "@opentelemetry/sdk-metrics";
import { prometheusName } from "./instrument.ts";

/** Writes no timestamps and no scope labels; resource attributes are labels of `target_info` only. */
const SERIALIZER = new PrometheusSerializer(undefined, false, undefined, false, true);

/**
 * Returns metrics in the Prometheus text format. The serializer leaves units out of names, although Prometheus and
 * collectors expect them there, so the names are completed first.
 */
export function prometheusPage(metrics: CollectionResult["resourceMetrics"]): string {
  const named = metrics.scopeMetrics.map((scoped) => ({
    ...scoped,
    metrics: scoped.metrics.map((metric) => {
      // `kind` only decides on the suffix `_total`. It is for counters, so a histogram passes as a gauge.
      const { name, unit } = metric.descriptor, kind = metric.dataPointType === DataPointType.SUM ? "counter" : "gauge";
      return { ...metric, descriptor: { ...metric.descriptor, name: prometheusName(name, { kind, unit }), unit: "" } };
    }),
  }));
  return SERIALIZER.serialize({ ...metrics, scopeMetrics: named });
}
