import type { Outcome } from "../core/outcome.ts";
import type { RetryContext } from "../core/decide_outcome.ts";
import type { Count } from "./count.ts";
import type { Claim, Clock, Progress } from "./ports.ts";

/** Time and chance are asked for only where an outcome depends on them, and that of a handler that returned does not. */
export class Given implements RetryContext {
  readonly attempt: number;
  readonly excusedDeliveries: number;

  constructor(
    { attempt, excusedDeliveries }: Pick<Count, "attempt" | "excusedDeliveries">,
    readonly retry: RetryContext["retry"],
    readonly clock: Clock,
  ) {
    this.attempt = attempt;
    this.excusedDeliveries = excusedDeliveries;
  }

  get nowMs(): number {
    return this.clock.now();
  }

  get random(): number {
    return this.clock.random();
  }
}

/** What is to be done with a delivery, and what that rests on. */
export interface Decision {
  readonly outcome: Outcome;
  /** Undefined when the counts could not be read: they must not be written then either. */
  readonly progress?: Progress;
  readonly claim?: Claim;
}

/** With what the event has used up once this delivery is settled. */
export function decision(
  counted: Count,
  outcome: Outcome,
  claim?: Claim,
  emittedSinceMs: number | undefined = counted.emittedSinceMs,
): Decision {
  if (outcome.kind === "ack") return { outcome, claim };
  const { attempt, excusedDeliveries, ending } = counted;
  const free = outcome.kind === "retry" && !outcome.usesAttempt;
  const progress = {
    attempts: free ? attempt - 1 : attempt,
    excusedDeliveries: free ? excusedDeliveries + 1 : excusedDeliveries,
    emittedSinceMs,
    ending: ending !== undefined,
  };
  return { outcome, progress, claim };
}
