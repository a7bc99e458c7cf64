import type { Clock } from "./clock.ts";

/** Limits when deliveries may begin: a circuit breaker, for example. */
export interface AdmissionRule {
  /** Number of deliveries that may begin now; Infinity without a limit. */
  permits(): number;
  /** Time at which more may begin by itself, by the clock; undefined when no such time is known. */
  opensAtMs(): number | undefined;
  /** Calls back after every change that may alter `permits` or `opensAtMs`. */
  onChange(listener: () => void): void;
}

/**
 * The rules that a function's deliveries must pass. While one permits nothing the function does not pull, since every
 * delivery would only be refused and go back.
 */
export class Admission {
  readonly #rules: AdmissionRule[] = [];
  readonly #timers = new Set<() => void>();
  #opened: () => void = () => {};
  #closed = false;

  constructor(readonly clock: Clock) {}

  /** Adds a rule, unless it is in the list already. */
  add(rule: AdmissionRule): void {
    if (this.#rules.includes(rule)) return;
    this.#rules.push(rule);
    if (rule.opensAtMs() !== undefined) this.#callWhenOpen(rule);
    rule.onChange(() => this.#callWhenOpen(rule));
  }

  /** Number of deliveries that may begin now: the least that any rule permits. */
  permits(): number {
    let permits = Infinity;
    for (const rule of this.#rules) permits = Math.min(permits, rule.permits());
    return permits;
  }

  /** Calls back whenever more deliveries may begin than before. */
  onOpened(opened: () => void): void {
    this.#opened = opened;
  }

  /** Cancels its timers and never calls back again. */
  close(): void {
    this.#closed = true;
    this.#opened = () => {};
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** A timer may fire early by the rule's clock: it is set again for the rest of the time. */
  #callWhenOpen(rule: AdmissionRule): void {
    if (this.#closed) return;
    const opensAtMs = rule.opensAtMs(), nowMs = this.clock.now();
    if (opensAtMs === undefined || opensAtMs <= nowMs) return this.#opened();
    const cancel = this.clock.timer(opensAtMs - nowMs, () => {
      this.#timers.delete(cancel);
      this.#callWhenOpen(rule);
    });
    this.#timers.add(cancel);
  }
}
