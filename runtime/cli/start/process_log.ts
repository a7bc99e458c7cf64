import type { LogFields } from "../../api/context.ts";
import { type Config, ENVIRONMENT } from "../../app/config.ts";
import { systemClock } from "../../engine/system_clock.ts";
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

function readFile(path: string): string | undefined {
  try {
    return ENVIRONMENT.readFile(path);
  } catch {
    return undefined;
  }
}
