import { type AnyValue, type Context, ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { LoggerProvider, type LogRecordProcessor, type ReadWriteLogRecord } from "@opentelemetry/sdk-logs";
import { ExportQueue } from "./export_queue.ts";
import type { LogRecord } from "./log.ts";
import { resourceOf } from "./otlp_resource.ts";
import type { Redact } from "./redact.ts";

const SEVERITY = { debug: 5, info: 9, warn: 13, error: 17 } as const;
/** How long the last records may take. */
const FLUSH_MS = 2_000;

/** Sends log lines by OTLP, beside writing them. */
interface OtlpLogs {
  send(record: LogRecord): void;
  shutdown(): Promise<void>;
}

/** Log records by OTLP over HTTP, with the span they belong to. The exporter reads `OTEL_EXPORTER_OTLP_*` itself. */
export function otlpLogs(env: (name: string) => string | undefined, serviceName: string, redact: Redact): OtlpLogs {
  const number = (name: string, otherwise: number) => Number(env(name)) || otherwise;
  const queue = new ExportQueue<ReadWriteLogRecord, ReadWriteLogRecord[]>({
    signal: "logs",
    exporter: new OTLPLogExporter({ timeoutMillis: number("OTEL_EXPORTER_OTLP_TIMEOUT", 2_000) }),
    add: (record, batch = []) => {
      batch.push(record);
      return batch;
    },
    capacity: number("OTEL_BLRP_MAX_QUEUE_SIZE", 8_192),
    batch: number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512),
    atOnce: 1,
    delayMs: number("OTEL_BLRP_SCHEDULE_DELAY", 1_000),
    timeoutMs: number("OTEL_BLRP_EXPORT_TIMEOUT", 10_000),
  });
  const processor: LogRecordProcessor = {
    onEmit: (record) => queue.push(record),
    forceFlush: () => queue.flush(),
    shutdown: () => queue.shutdown(FLUSH_MS),
  };
  const provider = new LoggerProvider({ resource: resourceOf(serviceName), processors: [processor] });
  const logger = provider.getLogger("weir");
  return {
    send: ({ level, message, fields }) => {
      const { trace_id, span_id, ...rest } = fields;
      logger.emit({
        severityNumber: SEVERITY[level],
        severityText: level,
        body: redact(message),
        attributes: Object.fromEntries(
          Object.entries(rest).filter(([, value]) => value !== undefined).map((
            [key, value],
          ) => [key, plain(value, redact)]),
        ),
        context: spanContext(trace_id, span_id),
      });
    },
    shutdown: () => provider.shutdown().catch(() => {}),
  };
}

function plain(value: unknown, redact: Redact): AnyValue {
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return redact(value);
  try {
    return redact(value instanceof Error ? value.stack ?? String(value) : JSON.stringify(value));
  } catch {
    return redact(String(value));
  }
}

function spanContext(traceId: unknown, spanId: unknown): Context {
  if (typeof traceId !== "string" || typeof spanId !== "string") return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
}
