import { VARIABLES } from "../app/config.ts";

/** What stands in the name of a variable of OTLP: for all signals, or for one. */
export const SIGNALS = ["", "_TRACES", "_METRICS", "_LOGS"];

/** What is read besides the configuration: by the project's telemetry, by `dev` and `test`, or by Deno. */
const OTHERS = [
  "NATS_SERVER",
  "WEIR_TRACE_FAILURES",
  "OTEL_DENO",
  "OTEL_SDK_DISABLED",
  "OTEL_RESOURCE_ATTRIBUTES",
  "OTEL_TRACES_EXPORTER",
  "OTEL_METRICS_EXPORTER",
  "OTEL_LOGS_EXPORTER",
  "OTEL_TRACES_SAMPLER",
  "OTEL_TRACES_SAMPLER_ARG",
  "OTEL_METRIC_EXPORT_INTERVAL",
  "OTEL_METRIC_EXPORT_TIMEOUT",
  ...["BSP", "BLRP"].flatMap((of) =>
    ["SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"].map((what) => `OTEL_${of}_${what}`)
  ),
  ...SIGNALS.flatMap((signal) =>
    ["ENDPOINT", "HEADERS", "PROTOCOL", "TIMEOUT", "COMPRESSION", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"]
      .map((what) => `OTEL_EXPORTER_OTLP${signal}_${what}`)
  ),
];

/** Every variable that somebody reads. */
export const KNOWN_VARIABLES: readonly string[] = [
  ...VARIABLES.flatMap((name) => [name, `${name}_FILE`]),
  ...OTHERS,
];

/** What Kubernetes puts into every container of a namespace that has a service called `weir` or `nats`. */
export const SERVICE_LINK = /_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP).*)?)$/;
