import type { Outcome } from "../core/outcome.ts";
import type { Attempt } from "./attempt.ts";
import type { BreakerChange } from "./circuit_breaker.ts";
import type { Settlement } from "./settler.ts";

/** Telemetry of a function: two calls around an attempt, which change no outcome. */
export interface Observer {
  /** Starts the attempt's telemetry: sets its `span`, `otelContext`, `createLog`, `startedAtMs` and `handlerFromMs`. */
  begin(attempt: Attempt): void;
  /** Ends the attempt's telemetry, once the outcome is settled or could not be. Sets `endedAtMs`. */
  end(attempt: Attempt, outcome: Outcome, settlement: Settlement): void;
  breakerChanged(change: BreakerChange): void;
}

export interface Settled {
  readonly attempt: Attempt;
  readonly outcome: Outcome;
  /** Milliseconds from the start of processing to settlement. */
  readonly durationMs: number;
}
