import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

type Env = (name: string) => string | undefined;

/** A tracer provider that exports by OTLP over HTTP. The exporter reads `OTEL_EXPORTER_OTLP_*` itself. */
export function otlpProvider(env: Env, serviceName: string): TracerProvider {
  const number = (name: string, otherwise: number) => Number(env(name)) || otherwise;
  return new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": serviceName }))
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(env("OTEL_TRACES_SAMPLER"), env("OTEL_TRACES_SAMPLER_ARG")),
    spanProcessors: [
      new BatchSpanProcessor({
        // Its default of ten seconds would keep a process that is done, where the collector is gone.
        exporter: new OTLPTraceExporter({ timeoutMillis: number("OTEL_EXPORTER_OTLP_TIMEOUT", 2_000) }),
        maxQueueSize: number("OTEL_BSP_MAX_QUEUE_SIZE", 16_384),
        maxExportBatchSize: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1_024),
        scheduledDelayMillis: number("OTEL_BSP_SCHEDULE_DELAY", 1_000),
        exportTimeoutMillis: number("OTEL_BSP_EXPORT_TIMEOUT", 10_000),
      }),
    ],
  });
}

/** The samplers of the OpenTelemetry specification, by the names it gives them. */
export function samplerOf(name = "parentbased_always_on", argument?: string): Sampler {
  const ratio = argument === undefined || Number.isNaN(Number(argument)) ? 1 : Number(argument);
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratio);
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
    default:
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}
