import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { type CollectionResult, DataPointType } from "@opentelemetry/sdk-metrics";
import { prometheusName } from "../instruments.ts";

/** No timestamps, no labels of the resource but on `target_info`, none for a scope: there is one. */
const SERIALIZER = new PrometheusSerializer(undefined, false, undefined, false, true);

/**
 * Writes metrics as Prometheus reads them. The serializer leaves units out of the names, where Prometheus and every
 * collector put them: they are put in before it.
 */
export function prometheusPage(metrics: CollectionResult["resourceMetrics"]): string {
  const named = metrics.scopeMetrics.map((scoped) => ({
    ...scoped,
    metrics: scoped.metrics.map((metric) => {
      const { name, unit } = metric.descriptor, kind = metric.dataPointType === DataPointType.SUM ? "counter" : "gauge";
      return { ...metric, descriptor: { ...metric.descriptor, name: prometheusName(name, { kind, unit }), unit: "" } };
    }),
  }));
  return SERIALIZER.serialize({ ...metrics, scopeMetrics: named });
}
