import { AdaptiveLimit, type AdaptiveLimitPolicy } from "../core/adaptive_limit.ts";
import type { Result } from "../core/outcome.ts";
import type { Attempt } from "./attempt.ts";
import type { Clock } from "./clock.ts";
import type { HandlerRunner } from "./handler_runner.ts";
import { type MaybePromise, then } from "./maybe_promise.ts";

/** Runs handlers, and learns from their durations and failures how many may run at once. */
export class AdaptiveRunner implements HandlerRunner {
  readonly #limit: AdaptiveLimit;
  #running = 0;
  #changed: (limit: number) => void = () => {};

  constructor(policy: AdaptiveLimitPolicy, readonly runner: HandlerRunner, readonly clock: Clock) {
    this.#limit = new AdaptiveLimit(policy);
  }

  /** Number of handlers that may run at once now. */
  get limit(): number {
    return this.#limit.limit;
  }

  /** Calls back now and after every change with the number of handlers that may run at once. */
  onChange(listener: (limit: number) => void): void {
    this.#changed = listener;
    listener(this.limit);
  }

  run(attempt: Attempt): MaybePromise<Result> {
    const startedMs = this.clock.now(), isFull = ++this.#running >= this.limit;
    return then(this.runner.run(attempt), (result) => {
      const nowMs = this.clock.now(), durationMs = nowMs - startedMs;
      this.#running--;
      const tells = loadOf(result, durationMs > this.#limit.policy.targetMs);
      if (!tells) return result;
      const isCongested = tells === "congestion";
      if (this.#limit.ended({ startedMs, durationMs, isFull, isCongested }, nowMs)) this.#changed(this.limit);
      return result;
    });
  }

  abortAll(): void {
    this.runner.abortAll();
  }
}

/**
 * Returns what a result tells of the load. An event that fails quickly at its own fault tells nothing, and neither does
 * a call that an open breaker refused.
 */
function loadOf(result: Result, isSlow: boolean): "duration" | "congestion" | undefined {
  switch (result.kind) {
    case "returned":
      return "duration";
    case "timed-out":
    case "retry-after":
      return "congestion";
    case "failed":
      return result.dependency === undefined ? isSlow ? "duration" : undefined : "congestion";
    case "rejected":
    case "emit-failed":
      return isSlow ? "duration" : undefined;
    default:
      return undefined;
  }
}
