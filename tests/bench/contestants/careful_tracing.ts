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

/** The SDK's own processor keeps to itself how many spans it drops: those that were to be exported are counted here. */
class CountingProcessor extends BatchSpanProcessor {
  ended = 0;

  override onEnd(span: ReadableSpan): void {
    this.ended++;
    super.onEnd(span);
  }
}

/** Tracing as OpenTelemetry's own pages set it up, with the queue that Weir has. `shutdown` tells how many spans ended. */
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
      await provider.shutdown().catch(() => {}); // what was not taken is missing at the collector
      return processor.ended;
    },
  };
}
