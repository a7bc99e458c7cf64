import {
  admit,
  type BreakerPolicy,
  type BreakerState,
  CLOSED,
  permits,
  record,
  type Verdict,
} from "../rules/breaker.ts";
import type { BreakerChange, Clock } from "./ports.ts";

/** A call that a breaker let through, to be reported on once; later reports are ignored. */
export interface Permit {
  readonly admitted: true;
  readonly probe: boolean;
  report(verdict: Verdict): void;
}

/** The breaker's answer. */
export type Answer = Permit | { readonly admitted: false; readonly retryAtMs: number };

/** Holds the state of one breaker, of which the rules are in `rules/breaker.ts`. */
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
    const admission = admit(this.#state, this.policy, this.clock.now());
    this.#become(admission.state);
    if (!admission.admitted) return { admitted: false, retryAtMs: admission.retryAtMs };
    let reported = false;
    return {
      admitted: true,
      probe: admission.probe,
      report: (verdict) => {
        if (reported) return;
        reported = true;
        this.#become(record(this.#state, this.policy, verdict, admission.generation, this.clock.now()));
      },
    };
  }

  /** How many calls it would let through now. */
  permits(): number {
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
