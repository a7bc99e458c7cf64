import type { LogFields } from "../api/context.ts";
import type { Clock } from "../engine/clock.ts";
import { resourceAttributes } from "./resource_attributes.ts";
import { reportDrops } from "./otel/export/dropped_items.ts";
import { isDisabled, listFrom, otlpEndpoint } from "./otel/export/otlp_environment.ts";
import { LogDedup } from "./otel/logs/log_dedup.ts";
import { Logger, type LogOptions } from "./otel/logs/logger.ts";
import { redactor, secretsOf } from "./otel/logs/redact.ts";

export interface ProcessLog {
  readonly log: Logger;
  /**
   * Writes what was held back or dropped, then a last line, and exports the rest.
   *
   * @param lastLine the last line; none if empty. Default: `stopped`.
   */
  shutdown(lastLine?: string): Promise<void>;
}

interface ProcessLogOptions extends Pick<LogOptions, "level" | "format"> {
  readonly environment: Readonly<Record<string, string>>;
  /** Returns undefined for a file that cannot be read. */
  readonly readFile: (path: string) => string | undefined;
  readonly serviceName: string;
  readonly clock: Clock;
  /** Fields of every line. @default none */
  readonly fields?: LogFields;
}

/**
 * Sets up the log of a process. The log redacts secrets, limits repeated lines, and with `OTEL_LOGS_EXPORTER=otlp`
 * exports by OTLP as well.
 */
export async function setupLog(
  { environment, readFile, serviceName, clock, fields, ...options }: ProcessLogOptions,
): Promise<ProcessLog> {
  const redact = redactor(secretsOf(environment, readFile));
  const dedup = new LogDedup(clock);
  const env = (name: string) => environment[name], endpoint = otlpEndpoint(env, "logs");
  const requested = !isDisabled(env) && listFrom(env, "OTEL_LOGS_EXPORTER", "none").includes("otlp");
  const otlp = endpoint
    ? (await import("./otel/logs/otlp_logs.ts")).otlpLogs(env, serviceName, "weir", redact, resourceAttributes(env))
    : undefined;
  const log = new Logger({ ...options, redact, dedup, ...(otlp && { send: otlp.send }) }, fields);
  if (requested && !endpoint) {
    log.warn("logs are not exported: OTEL_LOGS_EXPORTER is otlp, but OTEL_EXPORTER_OTLP_ENDPOINT is not set");
  }
  const reportRest = reportDrops(log.warn);
  return {
    log,
    shutdown: async (lastLine = "stopped") => {
      dedup.end();
      reportRest();
      if (lastLine !== "") log.info(lastLine);
      await otlp?.shutdown();
    },
  };
}
