import type { TracerProvider } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  createAlwaysRecordSampler,
  ParentBasedSampler,
  type Sampler,
} from "@opentelemetry/sdk-trace";
import { type Exporter, ExportQueue } from "./export_queue.ts";
import { resourceJson } from "./otlp_json.ts";
import { resourceOf } from "./otlp_resource.ts";
import { RatioSampler } from "./ratio_sampler.ts";
import { RecordingTracerProvider } from "./recording_tracer.ts";
import { SpanBatch } from "./span_batch.ts";
import { type SpanQueue, TailSampler } from "./tail_sampler.ts";

type Env = (name: string) => string | undefined;

/** How long the last spans may take: a collector that is gone must not keep the process. */
const FLUSH_MS = 2_000;
/** One request at a time is sent and answered in 10 ms, beside events that leave the loop little time: too few for all. */
const AT_ONCE = 4;

/** A tracer provider that exports by OTLP over HTTP, and what sends the rest and stops. */
export function otlpProvider(
  env: Env,
  serviceName: string,
): { provider: TracerProvider; shutdown: () => Promise<void> } {
  const number = (name: string, otherwise: number) => Number(env(name)) || otherwise;
  const sampler = samplerOf(env("OTEL_TRACES_SAMPLER"), env("OTEL_TRACES_SAMPLER_ARG"));
  const { attributes, schemaUrl } = resourceOf(serviceName);
  const resource = resourceJson(attributes, schemaUrl);
  const queue: SpanQueue = new ExportQueue({
    signal: "traces",
    // Its default of ten seconds would keep a process that is done, where the collector is gone.
    exporter: spanExporter(number("OTEL_EXPORTER_OTLP_TIMEOUT", 2_000)),
    add: (span, batch = new SpanBatch(resource)) => batch.add(span),
    capacity: number("OTEL_BSP_MAX_QUEUE_SIZE", 16_384),
    batch: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1_024),
    atOnce: AT_ONCE,
    delayMs: number("OTEL_BSP_SCHEDULE_DELAY", 1_000),
    timeoutMs: number("OTEL_BSP_EXPORT_TIMEOUT", 10_000),
  });
  const provider = new RecordingTracerProvider(
    env("WEIR_TRACE_FAILURES") === "false" ? sampler : createAlwaysRecordSampler(sampler),
    new TailSampler(queue),
  );
  return { provider, shutdown: () => queue.shutdown(FLUSH_MS) };
}

/** The SDK's way to send, which reads `OTEL_EXPORTER_OTLP_*` itself, with a serializer of our own. */
function spanExporter(timeoutMillis: number): Exporter<SpanBatch> {
  const delegate = createOtlpHttpExportDelegate(
    convertLegacyHttpOptions({ timeoutMillis }, "TRACES", "v1/traces", { "Content-Type": "application/json" }),
    { serializeRequest: (batch: SpanBatch) => batch.end(), deserializeResponse: () => ({}) },
    "otlp_http_span_exporter",
    { name: "span", countItems: () => 0 },
    undefined,
  );
  return {
    export: (batch, done) =>
      delegate.export(batch, (result) => {
        if (result.code === ExportResultCode.SUCCESS) batch.release(); // after a failure it may still be being sent
        done(result);
      }),
    shutdown: () => delegate.shutdown(),
  };
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
      return new RatioSampler(ratio);
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new RatioSampler(ratio) });
    default:
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}
