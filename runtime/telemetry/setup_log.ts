import type { LogFields } from "../api/context.ts";
import type { Clock } from "../engine/clock.ts";
import { reportDrops } from "./otel/dropped_items.ts";
import { Logger, type LogOptions } from "./otel/log.ts";
import { LogDedup } from "./otel/log_dedup.ts";
import { redactor, secretsOf } from "./otel/redact.ts";

/** The log of a process. */
export interface ProcessLog {
  readonly log: Logger;
  /** Says what was held back or dropped, then "stopped" unless told otherwise, and sends what is left. The end of it. */
  shutdown(lastWords?: string): Promise<void>;
}

/**
 * Sets the log of a process up: without its secrets, without what only repeats itself, and sent by OTLP as well where
 * `OTEL_LOGS_EXPORTER=otlp` asks for it.
 *
 * @param readFile undefined for a file that cannot be read
 */
export async function setupLog(
  { environment, readFile, serviceName, clock, fields, ...options }: Pick<LogOptions, "level" | "format"> & {
    readonly environment: Readonly<Record<string, string>>;
    readonly readFile: (path: string) => string | undefined;
    readonly serviceName: string;
    readonly clock: Clock;
    /** Go on every line. */
    readonly fields?: LogFields;
  },
): Promise<ProcessLog> {
  const redact = redactor(secretsOf(environment, readFile));
  const repetitions = new LogDedup(clock);
  const endpoint = environment.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT || environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  const wanted = environment.OTEL_LOGS_EXPORTER === "otlp" && environment.OTEL_SDK_DISABLED !== "true";
  const otlp = wanted && endpoint
    ? (await import("./otel/otlp_logs.ts")).otlpLogs((name) => environment[name], serviceName, redact)
    : undefined;
  const log = new Logger({ ...options, redact, repetitions, ...(otlp && { send: otlp.send }) }, fields);
  if (wanted && !endpoint) log.warn("OTEL_LOGS_EXPORTER is otlp, and there is no OTEL_EXPORTER_OTLP_ENDPOINT");
  const tellRest = reportDrops(log);
  return {
    log,
    shutdown: async (lastWords = "stopped") => {
      repetitions.end();
      tellRest();
      if (lastWords !== "") log.info(lastWords);
      await otlp?.shutdown();
    },
  };
}
