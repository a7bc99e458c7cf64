import { type AnyValue, type Context, ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import { JsonLogsSerializer } from "@opentelemetry/otlp-transformer";
import { LoggerProvider, type LogRecordProcessor, type ReadWriteLogRecord } from "@opentelemetry/sdk-logs";
import { ExportQueue } from "../export/export_queue.ts";
import { type Env, FLUSH_MS, numberFrom } from "../export/otlp_environment.ts";
import { otlpExporter } from "../export/otlp_exporter.ts";
import { type ResourceAttributes, resourceOf } from "../export/resource.ts";
import { isOpaque, isThrown, textOf } from "./log_values.ts";
import type { LogRecord } from "./logger.ts";
import type { Redact } from "./redact.ts";

const SEVERITY = { debug: 5, info: 9, warn: 13, error: 17 } as const;

interface OtlpLogs {
  send(record: LogRecord): void;
  /** Exports the remaining lines and stops. Never rejects and takes at most two seconds. */
  shutdown(): Promise<void>;
}

/**
 * Exports log lines by OTLP over HTTP, each with its span.
 *
 * @param scope The instrumentation scope of the records.
 */
export function otlpLogs(
  env: Env,
  serviceName: string,
  scope: string,
  redact: Redact,
  attributes?: ResourceAttributes,
): OtlpLogs {
  const queue = new ExportQueue<ReadWriteLogRecord, ReadWriteLogRecord[]>({
    signal: "logs",
    exporter: otlpExporter(env, "logs", (records) => JsonLogsSerializer.serializeRequest(records)),
    add: (record, batch = []) => {
      batch.push(record);
      return batch;
    },
    capacity: numberFrom(env, "OTEL_BLRP_MAX_QUEUE_SIZE", 8_192),
    batchSize: numberFrom(env, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512),
    concurrency: 1,
    delayMs: numberFrom(env, "OTEL_BLRP_SCHEDULE_DELAY", 1_000),
    timeoutMs: numberFrom(env, "OTEL_BLRP_EXPORT_TIMEOUT", 10_000),
  });
  const processor: LogRecordProcessor = {
    onEmit: (record) => queue.push(record),
    forceFlush: () => queue.flush(),
    shutdown: () => queue.shutdown(FLUSH_MS),
  };
  const provider = new LoggerProvider({ resource: resourceOf(serviceName, attributes), processors: [processor] });
  const logger = provider.getLogger(scope);
  return {
    send: ({ level, message, fields }) => {
      const { trace_id, span_id, ...rest } = fields;
      const attributes = Object.entries(rest).filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, attributeValue(value, redact)]);
      logger.emit({
        severityNumber: SEVERITY[level],
        severityText: level,
        body: redact(message),
        attributes: Object.fromEntries(attributes),
        context: spanContext(trace_id, span_id),
      });
    },
    shutdown: () => provider.shutdown().catch(() => {}),
  };
}

function attributeValue(value: unknown, redact: Redact): AnyValue {
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return redact(value);
  try {
    if (value instanceof Error) return redact(value.stack ?? textOf(value));
    const hidesContent = typeof value === "object" && value !== null && (isThrown(value) || isOpaque(value));
    return redact(hidesContent ? textOf(value) : JSON.stringify(value));
  } catch {
    return redact(textOf(value));
  }
}

function spanContext(traceId: unknown, spanId: unknown): Context {
  if (typeof traceId !== "string" || typeof spanId !== "string") return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
}
