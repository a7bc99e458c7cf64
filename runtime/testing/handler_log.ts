import type { Log } from "../api/context.ts";
import type { Attempt } from "../engine/attempt.ts";
import type { Clock } from "../engine/clock.ts";
import { TelemetryObserver } from "../telemetry/observer.ts";
import { LogDedup } from "../telemetry/otel/logs/log_dedup.ts";
import { redactor } from "../telemetry/otel/logs/redact.ts";
import { LOG_LEVELS, Logger, type LogLevel } from "../telemetry/otel/logs/logger.ts";

/** Production telemetry that keeps the lines that the handler logs. The runtime's own lines are dropped. */
export class HandlerLog extends TelemetryObserver {
  readonly lines: Record<string, unknown>[] = [];
  #handlerLogs = false;

  constructor(clock: Clock) {
    // The way of a line in production, but without the limit of equal lines.
    const way = { redact: redactor([]), dedup: new LogDedup(clock, Infinity) };
    super(new Logger({ ...way, level: "debug", format: "json", write: (line) => this.#keep(line, clock) }));
  }

  override begin(attempt: Attempt): void {
    super.begin(attempt);
    const { createLog } = attempt;
    attempt.createLog = (attempt) => this.#marked(createLog(attempt));
  }

  #keep(line: string, clock: Clock): void {
    if (this.#handlerLogs) this.lines.push({ ...JSON.parse(line), time: new Date(clock.now()).toISOString() });
  }

  #marked(log: Log): Log {
    const marked = (level: LogLevel): Log[LogLevel] => (message, fields) => {
      this.#handlerLogs = true;
      log[level](message, fields);
      this.#handlerLogs = false;
    };
    return Object.fromEntries(LOG_LEVELS.map((level) => [level, marked(level)])) as unknown as Log;
  }
}
