import {
  admit,
  type BreakerPolicy,
  type BreakerState,
  CLOSED,
  permits,
  record,
  type Verdict,
} from "../core/breaker.ts";
import type { BreakerChange, Clock } from "./ports.ts";

/** A call that a breaker let through, to be reported on once; later reports are ignored. */
export interface Permit {
  readonly admitted: true;
  readonly probe: boolean;
  report(verdict: Verdict): void;
}

/** The breaker's answer. */
export type Answer = Permit | { readonly admitted: false; readonly retryAtMs: number };

/** Holds the state of one breaker, of which the rules are in `core/breaker.ts`. */
export class CircuitBreaker {
  #state: BreakerState = CLOSED;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly name: string,
    readonly of: BreakerChange["of"],
    readonly policy: BreakerPolicy,
    readonly clock: Clock,
    readonly changed: (change: BreakerChange) => void,
  ) {}

  /** Its state; an open breaker whose time is up stays `open` until somebody asks. */
  get state(): BreakerState {
    return this.#state;
  }

  /** Asks for one call. */
  admit(): Answer {
    if (this.#state.kind === "closed") return new GivenPermit(this, false, this.#state.generation);
    const admission = admit(this.#state, this.policy, this.clock.now());
    this.#become(admission.state);
    if (!admission.admitted) return { admitted: false, retryAtMs: admission.retryAtMs };
    return new GivenPermit(this, admission.probe, admission.generation);
  }

  /** What came of a call that was let through in that generation. */
  report(verdict: Verdict, generation: number): void {
    const state = this.#state;
    if (verdict === "success" && state.kind === "closed" && state.failures === 0) return; // as nearly always
    this.#become(record(state, this.policy, verdict, generation, this.clock.now()));
  }

  /** How many calls it would let through now. */
  permits(): number {
    if (this.#state.kind === "closed") return Infinity;
    return permits(this.#state, this.policy, this.clock.now());
  }

  /** Calls back after every change that may alter {@linkcode permits}. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #become(next: BreakerState): void {
    const from = this.#state;
    if (next === from) return;
    this.#state = next;
    if (next.kind !== from.kind) {
      const { name, of, policy: { openForMs } } = this;
      this.changed({ name, of, from: from.kind, to: next.kind, openForMs });
    }
    if (next.kind !== "closed" || from.kind !== "closed") {
      for (const listener of this.#listeners) listener();
    }
  }
}

class GivenPermit implements Permit {
  readonly admitted = true;
  #reported = false;

  constructor(readonly breaker: CircuitBreaker, readonly probe: boolean, readonly generation: number) {}

  report(verdict: Verdict): void {
    if (this.#reported) return;
    this.#reported = true;
    this.breaker.report(verdict, this.generation);
  }
}
