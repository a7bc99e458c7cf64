import type { Log } from "../api/context.ts";
import type { MaybePromise } from "../engine/maybe_promise.ts";
import type { BreakerChange, Clock, Invocation, Observer, Scope } from "../engine/ports.ts";
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

  observe<O extends Outcome>(invocation: Invocation, run: (scope: Scope) => MaybePromise<O>): MaybePromise<O> {
    return this.#inner.observe(invocation, ({ span, log }) => run({ span, log: this.#keeping(log) }));
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
