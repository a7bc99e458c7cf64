import type { TracerProvider } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  createAlwaysRecordSampler,
  ParentBasedSampler,
  type Sampler,
} from "@opentelemetry/sdk-trace";
import { type Exporter, ExportQueue } from "../export/export_queue.ts";
import { type Env, FLUSH_MS, numberFrom } from "../export/otlp_environment.ts";
import { otlpExporter } from "../export/otlp_exporter.ts";
import { type ResourceAttributes, resourceOf } from "../export/resource.ts";
import { resourceJson } from "./otlp_json.ts";
import { RatioSampler } from "./ratio_sampler.ts";
import { RecordingTracerProvider } from "./recording_tracer.ts";
import { SpanBatch } from "./span_batch.ts";
import { type KeepUnsampled, type SpanQueue, TailSampler } from "./tail_sampler.ts";

/** Requests in flight. Beside events the loop has little time, and one request at a time was too slow for all spans. */
const CONCURRENCY = 4;

/**
 * Returns a tracer provider that exports by OTLP over HTTP, and a function that exports the rest and stops.
 *
 * @param keepUnsampled selects spans for tail sampling. Default: only sampled spans are recorded.
 * @param resourceAttributes Further attributes of the resource. Default: none.
 */
export function otlpSpans(
  env: Env,
  serviceName: string,
  keepUnsampled?: KeepUnsampled,
  resourceAttributes?: ResourceAttributes,
): { provider: TracerProvider; shutdown: () => Promise<void> } {
  const sampler = samplerOf(env("OTEL_TRACES_SAMPLER"), env("OTEL_TRACES_SAMPLER_ARG"));
  const { attributes, schemaUrl } = resourceOf(serviceName, resourceAttributes);
  const resource = resourceJson(attributes, schemaUrl);
  const queue: SpanQueue = new ExportQueue({
    signal: "traces",
    exporter: spanExporter(env),
    add: (span, batch = new SpanBatch(resource)) => batch.add(span),
    bytesOf: (batch) => batch.bytes,
    capacity: numberFrom(env, "OTEL_BSP_MAX_QUEUE_SIZE", 16_384),
    batchSize: numberFrom(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1_024),
    concurrency: CONCURRENCY,
    delayMs: numberFrom(env, "OTEL_BSP_SCHEDULE_DELAY", 1_000),
    timeoutMs: numberFrom(env, "OTEL_BSP_EXPORT_TIMEOUT", 10_000),
  });
  const provider = new RecordingTracerProvider(
    keepUnsampled ? createAlwaysRecordSampler(sampler) : sampler,
    new TailSampler(queue, keepUnsampled ?? (() => false)),
  );
  return { provider, shutdown: () => queue.shutdown(FLUSH_MS) };
}

/** Exports with the serializer of `SpanBatch`. */
function spanExporter(env: Env): Exporter<SpanBatch> {
  const exporter = otlpExporter(env, "traces", (batch: SpanBatch) => batch.end());
  return {
    export: (batch, done) =>
      exporter.export(batch, (result) => {
        if (result.code === ExportResultCode.SUCCESS) batch.release(); // a failed request may still be sending it
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

/** Returns the sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name. */
export function samplerOf(name = "parentbased_always_on", argument?: string): Sampler {
  const ratio = argument === undefined || Number.isNaN(Number(argument)) ? 1 : Number(argument);
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return ratioSampler(ratio);
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: ratioSampler(ratio) });
    default:
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}

function ratioSampler(ratio: number): Sampler {
  if (ratio >= 1) return new AlwaysOnSampler();
  return ratio > 0 ? new RatioSampler(ratio) : new AlwaysOffSampler();
}
