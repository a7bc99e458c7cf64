import type { Log } from "../api/context.ts";
import type { BreakerChange } from "../engine/circuit_breaker.ts";
import type { Clock } from "../engine/clock.ts";
import type { Attempt } from "../engine/attempt.ts";
import type { Observer } from "../engine/observer.ts";
import type { Outcome } from "../core/outcome.ts";
import { LOG_LEVELS, Logger, type LogLevel } from "../telemetry/otel/logs/logger.ts";
import { TelemetryObserver } from "../telemetry/observer.ts";

/** The telemetry of production, with the lines kept that the function logs itself; the runtime's own are not. */
export class OwnLog implements Observer {
  readonly lines: Record<string, unknown>[] = [];
  #own = false;
  readonly #inner: TelemetryObserver;

  constructor(clock: Clock) {
    const write = (line: string) => {
      if (this.#own) this.lines.push({ ...JSON.parse(line), time: new Date(clock.now()).toISOString() });
    };
    this.#inner = new TelemetryObserver(new Logger({ level: "debug", format: "json", write }));
  }

  begin(attempt: Attempt): void {
    this.#inner.begin(attempt);
    const { createLog } = attempt;
    attempt.createLog = (attempt) => this.#keeping(createLog(attempt));
  }

  end(attempt: Attempt, outcome: Outcome): void {
    this.#inner.end(attempt, outcome);
  }

  breakerChanged(change: BreakerChange): void {
    this.#inner.breakerChanged(change);
  }

  #keeping(log: Log): Log {
    const keep = (level: LogLevel): Log[LogLevel] => (message, fields) => {
      this.#own = true;
      log[level](message, fields);
      this.#own = false;
    };
    return Object.fromEntries(LOG_LEVELS.map((level) => [level, keep(level)])) as unknown as Log;
  }
}
