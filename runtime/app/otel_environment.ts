import { oneOf } from "../project/startup_problems.ts";

const ENDPOINTS = ["", "_TRACES", "_METRICS", "_LOGS"].map((signal) => `OTEL_EXPORTER_OTLP${signal}_ENDPOINT`);
/** Variables that take a number: milliseconds, or a count. */
const NUMBERS = [
  "OTEL_EXPORTER_OTLP_TIMEOUT",
  "OTEL_METRIC_EXPORT_INTERVAL",
  "OTEL_METRIC_EXPORT_TIMEOUT",
  "OTEL_BSP_SCHEDULE_DELAY",
  "OTEL_BSP_EXPORT_TIMEOUT",
  "OTEL_BSP_MAX_QUEUE_SIZE",
  "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
];
const SAMPLERS = ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]);

/**
 * Returns the problems of OpenTelemetry's standard variables, one line each. Its SDK throws for some without naming the
 * variable, and ignores the others.
 */
export function otelProblems(get: (name: string) => string | undefined): string[] {
  const problems: string[] = [];
  const check = (name: string, isValid: (value: string) => boolean, wanted: string) => {
    const value = get(name);
    if (value && !isValid(value)) problems.push(`${name} is ${JSON.stringify(value)}; wanted: ${wanted}`);
  };
  for (const name of ENDPOINTS) {
    check(name, (value) => /^https?:\/\//.test(value) && URL.canParse(value), "a URL such as http://collector:4318");
  }
  for (const name of NUMBERS) check(name, (value) => /^[1-9]\d*$/.test(value), "a whole number above zero");
  check("OTEL_TRACES_SAMPLER", (value) => SAMPLERS.includes(value), oneOf(SAMPLERS));
  check("OTEL_TRACES_SAMPLER_ARG", (value) => Number(value) >= 0 && Number(value) <= 1, "a share from 0 to 1");
  for (const signal of ["", "_TRACES", "_METRICS", "_LOGS"]) {
    const name = `OTEL_EXPORTER_OTLP${signal}_PROTOCOL`;
    check(
      name,
      (value) => value.startsWith("http/"),
      "http/json, the only protocol that is sent (grpc is not supported)",
    );
  }
  return problems;
}
