import type { LogFields } from "../../api/context.ts";
import { type Config, ENVIRONMENT } from "../../app/config.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { StartupProblems } from "../../project/startup_problems.ts";
import { Logger } from "../../telemetry/otel/logs/logger.ts";
import { printableLines } from "../../telemetry/otel/logs/printable.ts";
import { redactor, secretsOf } from "../../telemetry/otel/logs/redact.ts";
import { type ProcessLog, setupLog } from "../../telemetry/setup_log.ts";

export function setupProcessLog(config: Config, fields?: LogFields): Promise<ProcessLog> {
  return setupLog({
    level: config.LOG_LEVEL,
    format: config.LOG_FORMAT,
    environment: Deno.env.toObject(),
    readFile,
    serviceName: config.OTEL_SERVICE_NAME,
    clock: systemClock,
    fields,
  });
}

/** Reports on standard error why a start failed: as a JSON log line, unless the log is for a terminal. */
export function reportFailure(message: string, error: unknown): void {
  const format = ENVIRONMENT.get("LOG_FORMAT") || (Deno.stderr.isTerminal() ? "pretty" : "json");
  if (format === "pretty") return console.error(`weir: ${printableLines(message)}`);
  const redact = redactor(secretsOf(Deno.env.toObject(), readFile));
  const log = new Logger({ level: "error", format: "json", redact, write: console.error });
  if (!(error instanceof StartupProblems)) return log.error(message);
  const { problems } = error, [count, advice] = message.split(`:\n  - ${problems.join("\n  - ")}`);
  log.error(`cannot start: ${count}${advice.replace("\n", "; ")}`, { problems });
}

function readFile(path: string): string | undefined {
  try {
    return ENVIRONMENT.readFile(path);
  } catch {
    return undefined;
  }
}
