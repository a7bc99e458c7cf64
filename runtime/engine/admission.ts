import type { Clock } from "./clock.ts";

/** Limits when deliveries may begin: a circuit breaker, for example. */
export interface AdmissionRule {
  /** Number of deliveries that may begin now; Infinity without a limit. */
  permits(): number;
  /**
   * True if `permits` does not include the deliveries that run: each used a permit when it began.
   *
   * @default false
   */
  readonly countsStarts?: boolean;
  /**
   * True if it concerns this process alone: while it permits nothing, another process should receive the events of a
   * function with `order`.
   *
   * @default false
   */
  readonly isOfProcess?: boolean;
  /** True if it only limits what is pulled: a delivery that comes all the same may begin. @default false */
  readonly limitsPullsOnly?: boolean;
  /** Time, by the clock, at which the rule will permit more deliveries. Undefined when that time is not known. */
  admitsAgainAtMs(): number | undefined;
  /** Calls back after every change that may alter `permits` or `admitsAgainAtMs`. */
  onChange(listener: () => void): void;
  /** Ends the waits of deliveries. Called when the process stops. */
  close?(): void;
}

/**
 * The rules that a function's deliveries must pass. While one of them permits nothing the function does not pull, since
 * every delivery would be refused and given back.
 */
export class Admission {
  readonly #rules: AdmissionRule[] = [];
  /** Those among the rules that do not only limit what is pulled. */
  readonly #starts: AdmissionRule[] = [];
  readonly #timers = new Set<() => void>();
  #onMorePermits: () => void = () => {};
  #closed = false;

  constructor(readonly clock: Clock) {}

  add(rule: AdmissionRule): void {
    if (this.#rules.includes(rule)) return;
    this.#rules.push(rule);
    if (!rule.limitsPullsOnly) this.#starts.push(rule);
    if (rule.admitsAgainAtMs() !== undefined) this.#callWhenAdmitting(rule);
    rule.onChange(() => this.#callWhenAdmitting(rule));
  }

  /** Number of deliveries that may begin now: the least that any rule permits. */
  permits(): number {
    let permits = Infinity;
    for (const rule of this.#starts) permits = Math.min(permits, rule.permits());
    return permits;
  }

  /** Whether each delivery that is held uses up a permit, also one that has not begun. */
  get countsHeld(): boolean {
    return this.#rules.some((rule) => !rule.countsStarts && rule.permits() !== Infinity);
  }

  /** Whether events should go to another process, since this one may handle none for a reason of its own. */
  get leavesEvents(): boolean {
    return this.#rules.some((rule) => rule.isOfProcess && rule.permits() === 0);
  }

  /**
   * Number of deliveries to ask for.
   *
   * @param held Deliveries that arrived while admission was limited, and have not ended.
   * @param arrived Deliveries that have arrived and not begun.
   */
  credits(held: number, arrived: number): number {
    let credits = Infinity;
    for (const rule of this.#rules) credits = Math.min(credits, rule.permits() - (rule.countsStarts ? 0 : held));
    return credits - arrived;
  }

  /** Calls back whenever more deliveries may begin than before. */
  onMorePermits(listener: () => void): void {
    this.#onMorePermits = listener;
  }

  /** Cancels its timers and never calls back again. */
  close(): void {
    this.#closed = true;
    this.#onMorePermits = () => {};
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const rule of this.#rules) rule.close?.();
  }

  /** Calls back once the rule admits. A timer may fire before the rule's clock shows the time: it is then set again. */
  #callWhenAdmitting(rule: AdmissionRule): void {
    if (this.#closed) return;
    const admitsAgainAtMs = rule.admitsAgainAtMs(), nowMs = this.clock.now();
    if (admitsAgainAtMs === undefined || admitsAgainAtMs <= nowMs) return this.#onMorePermits();
    const cancel = this.clock.timer(admitsAgainAtMs - nowMs, () => {
      this.#timers.delete(cancel);
      this.#callWhenAdmitting(rule);
    });
    this.#timers.add(cancel);
  }
}
