// The SDK's transport loads these at its first request, and meanwhile no handler runs; see bench.
import "node:http";
import "node:https";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { countDropped } from "./dropped_items.ts";
import type { Exporter } from "./export_queue.ts";
import { type Env, otlpTimeoutMs } from "./otlp_environment.ts";

const DECODER = new TextDecoder();
/** Fields of a response in which a collector counts the items that it did not take, by signal. */
const REJECTED = { traces: "rejectedSpans", logs: "rejectedLogRecords" } as const;

/**
 * Returns an exporter by OTLP over HTTP, on the SDK's transport, which reads `OTEL_EXPORTER_OTLP_*` itself. A collector
 * may take a batch and reject some of its items. These count as dropped, although the SDK's own exporters do not report
 * them.
 */
export function otlpExporter<Batch>(
  env: Env,
  signal: keyof typeof REJECTED,
  serializeRequest: (batch: Batch) => Uint8Array | undefined,
): Exporter<Batch> {
  const headers = { "Content-Type": "application/json" }, timeoutMillis = otlpTimeoutMs(env, signal);
  return createOtlpHttpExportDelegate(
    convertLegacyHttpOptions({ timeoutMillis }, signal.toUpperCase(), `v1/${signal}`, headers),
    {
      serializeRequest,
      deserializeResponse: (bytes) => {
        countRejected(signal, bytes);
        return {};
      },
    },
    `otlp_http_${signal}_exporter`,
    { name: signal === "logs" ? "log" : "span", countItems: () => 0 },
    undefined,
  );
}

function countRejected(signal: keyof typeof REJECTED, response: Uint8Array): void {
  if (response.length === 0) return;
  const { partialSuccess } = JSON.parse(DECODER.decode(response)) ?? {};
  const count = Number(partialSuccess?.[REJECTED[signal]] ?? 0); // JSON has 64-bit numbers as text
  if (count > 0) countDropped(signal, count, `the collector rejected them: ${partialSuccess.errorMessage ?? ""}`);
}
