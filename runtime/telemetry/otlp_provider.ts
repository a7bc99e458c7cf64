import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  createAlwaysRecordSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { ExportQueue } from "./export_queue.ts";
import { resourceOf } from "./otlp_resource.ts";
import { SpanKeeper } from "./span_keeper.ts";

type Env = (name: string) => string | undefined;

/** A tracer provider that exports by OTLP over HTTP. The exporter reads `OTEL_EXPORTER_OTLP_*` itself. */
export function otlpProvider(env: Env, serviceName: string): TracerProvider {
  const number = (name: string, otherwise: number) => Number(env(name)) || otherwise;
  const sampler = samplerOf(env("OTEL_TRACES_SAMPLER"), env("OTEL_TRACES_SAMPLER_ARG"));
  const queue = new ExportQueue({
    signal: "traces",
    // Its default of ten seconds would keep a process that is done, where the collector is gone.
    exporter: new OTLPTraceExporter({ timeoutMillis: number("OTEL_EXPORTER_OTLP_TIMEOUT", 2_000) }),
    capacity: number("OTEL_BSP_MAX_QUEUE_SIZE", 16_384),
    batch: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1_024),
    delayMs: number("OTEL_BSP_SCHEDULE_DELAY", 1_000),
    timeoutMs: number("OTEL_BSP_EXPORT_TIMEOUT", 10_000),
  });
  return new TracerProvider({
    resource: resourceOf(serviceName),
    sampler: env("WEIR_TRACE_FAILURES") === "false" ? sampler : createAlwaysRecordSampler(sampler),
    spanProcessors: [new SpanKeeper(queue)],
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
