import { context, type Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

/** Counts the spans to export, since the SDK's processor does not report how many it drops. */
class CountingProcessor extends BatchSpanProcessor {
  ended = 0;

  override onEnd(span: ReadableSpan): void {
    this.ended++;
    super.onEnd(span);
  }
}

/** Sets up tracing as OpenTelemetry documents it, with Weir's queue size. `shutdown` returns how many spans ended. */
export function carefulTracing(): { readonly tracer: Tracer; shutdown(): Promise<number> } {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const ratio = Number(Deno.env.get("OTEL_TRACES_SAMPLER_ARG") ?? 0);
  const processor = new CountingProcessor({
    exporter: new OTLPTraceExporter(),
    maxQueueSize: 16_384,
    maxExportBatchSize: 1_024,
    scheduledDelayMillis: 1_000,
  });
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [processor],
  });
  return {
    tracer: provider.getTracer("careful"),
    shutdown: async () => {
      await provider.shutdown().catch(() => {}); // the bench sees lost spans at the collector
      return processor.ended;
    },
  };
}
