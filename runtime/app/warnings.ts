import { nearest } from "../core/did_you_mean.ts";
import type { Registry } from "../project/registry.ts";
import { ENVIRONMENT, VARIABLES } from "./config.ts";

/** The signal in the name of an OTLP variable: none for all signals, or one of them. */
export const OTLP_SIGNALS = ["", "_TRACES", "_METRICS", "_LOGS"];

/** Variables that Weir does not read as configuration: those of its telemetry, of `dev` and `test`, and of Deno. */
const OTHER_VARIABLES = [
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
  ...OTLP_SIGNALS.flatMap((signal) =>
    ["ENDPOINT", "HEADERS", "PROTOCOL", "TIMEOUT", "COMPRESSION", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"]
      .map((what) => `OTEL_EXPORTER_OTLP${signal}_${what}`)
  ),
];

const KNOWN_VARIABLES: readonly string[] = [
  ...VARIABLES.flatMap((name) => [name, `${name}_FILE`]),
  ...OTHER_VARIABLES,
];

/** Variables that Kubernetes sets in every container of a namespace with a service called `weir` or `nats`. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP).*)?)$/;

/** Returns the names of the variables that are set and not empty. */
export function setVariables(): string[] {
  return Object.keys(Deno.env.toObject()).filter((name) => ENVIRONMENT.get(name));
}

/** Returns a warning for each variable that is probably a misspelt one of Weir or OpenTelemetry. */
export function variableWarnings(names: readonly string[]): string[] {
  return names.filter((name) => !KNOWN_VARIABLES.includes(name) && !SERVICE_LINK.test(name)).flatMap((name) => {
    const meant = nearest(name, KNOWN_VARIABLES.filter((other) => other.length >= 8 && other !== name), 2);
    if (meant === undefined && !name.startsWith("WEIR_")) return [];
    return [`${name} is set, and nothing reads it${meant ? `: did you mean ${meant}?` : ""}`];
  });
}

/** Returns what is allowed and probably a mistake, in environment and project: the same for `start`, `plan` and `apply`. */
export function warningsOf({ warnings }: Registry): string[] {
  return [...variableWarnings(setVariables()), ...warnings];
}
