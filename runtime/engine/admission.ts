import type { CircuitBreaker } from "./circuit_breaker.ts";
import type { Clock } from "./ports.ts";

/**
 * The breakers a function's deliveries must pass: its own, and that of every dependency it has ever called.
 * While one is open the function does not pull: whatever came would only be refused and go back.
 */
export class Admission {
  readonly #breakers = new Set<CircuitBreaker>();
  readonly #timers = new Set<() => void>();
  #changed: () => void = () => {};
  #closed = false;

  constructor(readonly clock: Clock) {}

  add(breaker: CircuitBreaker): void {
    if (this.#breakers.has(breaker)) return;
    this.#breakers.add(breaker);
    if (breaker.state.kind === "open") this.#callWhenDue(breaker);
    breaker.onChange(() => {
      if (breaker.state.kind === "open") this.#callWhenDue(breaker);
      else this.#changed();
    });
  }

  [Symbol.iterator](): Iterator<CircuitBreaker> {
    return this.#breakers.values();
  }

  /** How many deliveries would pass now. */
  permits(): number {
    let permits = Infinity;
    for (const breaker of this.#breakers) permits = Math.min(permits, breaker.permits());
    return permits;
  }

  /** Calls back whenever more may pass than before. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  /** Stops its timers and calls back no more. */
  close(): void {
    this.#closed = true;
    this.#changed = () => {};
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** Timers may be a moment early by the clock that the breaker goes by: then once more. */
  #callWhenDue(breaker: CircuitBreaker): void {
    if (this.#closed) return;
    const { state } = breaker, now = this.clock.now();
    if (state.kind !== "open" || state.untilMs <= now) return this.#changed();
    const cancel = this.clock.timer(state.untilMs - now, () => {
      this.#timers.delete(cancel);
      this.#callWhenDue(breaker);
    });
    this.#timers.add(cancel);
  }
}
