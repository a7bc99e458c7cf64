import type { Span } from "@opentelemetry/api";
import {
  admit,
  type BreakerPolicy,
  type BreakerState,
  CLOSED,
  permits,
  record,
  type Verdict,
} from "../core/breaker.ts";
import type { AdmissionRule } from "./admission.ts";
import type { Clock } from "./clock.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** Answer of a breaker: a permit, or when to try again. */
export type BreakerAnswer = Permit | { readonly admitted: false; readonly retryAtMs: number };

export interface BreakerChange {
  readonly name: string;
  readonly of: "function" | "dependency";
  readonly from: BreakerState["kind"];
  readonly to: BreakerState["kind"];
  /** Time for which an opened breaker refuses everything, in milliseconds. */
  readonly openForMs: number;
  /** Span of the attempt that caused the change. */
  readonly span: Span;
  /** True if another process made the change, and this one follows. No span of this process caused it. @default false */
  readonly elsewhere?: true;
}

/** Holds the state of one breaker; `core/breaker.ts` has the rules. */
export class CircuitBreaker implements AdmissionRule {
  #state: BreakerState = CLOSED;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly name: string,
    readonly of: BreakerChange["of"],
    readonly policy: BreakerPolicy,
    readonly clock: Clock,
    readonly reportChange: (change: BreakerChange) => void,
  ) {}

  /** Current state. A breaker whose open time has passed stays `open` until the next call asks. */
  get state(): BreakerState {
    return this.#state;
  }

  /** Returns why a breaker with `shared` is not shared. Undefined if it is, or need not be. */
  problem(): string | undefined {
    return undefined;
  }

  /** Resolves once a shared breaker knows the state that is stored, or that it cannot know it. */
  synced(): Promise<void> {
    return Promise.resolve();
  }

  /** Asks for a permit as {@linkcode admit} does. A shared breaker may have to ask its store first. Never rejects. */
  acquire(span: Span): MaybePromise<BreakerAnswer> {
    return this.admit(span);
  }

  /**
   * Asks for a permit.
   *
   * @param span Span of the attempt, to record changes on.
   */
  admit(span: Span): BreakerAnswer {
    if (this.#state.kind === "closed") return new Permit(this, false, this.#state.generation, span);
    const admission = admit(this.#state, this.policy, this.clock.now());
    this.become(admission.state, span);
    if (!admission.admitted) return { admitted: false, retryAtMs: admission.retryAtMs };
    return new Permit(this, admission.probe, admission.generation, span);
  }

  /**
   * Records the verdict on a call.
   *
   * @param generation Generation of the breaker that admitted the call.
   */
  report(verdict: Verdict, generation: number, span: Span): void {
    const state = this.#state;
    if (verdict === "success" && state.kind === "closed" && state.failures === 0) return; // fast path: nothing to reset
    this.become(record(state, this.policy, verdict, generation, this.clock.now()), span);
  }

  permits(): number {
    if (this.#state.kind === "closed") return Infinity;
    return permits(this.#state, this.policy, this.clock.now());
  }

  admitsAgainAtMs(): number | undefined {
    return this.#state.kind === "open" ? this.#state.untilMs : undefined;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Changes the state, and reports a change of its kind. @param isElsewhere Whether another process made the change. */
  protected become(next: BreakerState, span: Span, isElsewhere = false): void {
    const from = this.#state;
    if (next === from) return;
    this.#state = next;
    if (next.kind !== from.kind) {
      const { name, of, policy: { openForMs } } = this;
      const change = { name, of, from: from.kind, to: next.kind, openForMs, span };
      this.reportChange(isElsewhere ? { ...change, elsewhere: true } : change);
    }
    if (next.kind !== "closed" || from.kind !== "closed") this.changed();
  }

  /** Calls the listeners. */
  protected changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/**
 * Permission for one call or attempt, from one generation of its breaker. Only the first report of its result counts.
 */
export class Permit {
  readonly admitted = true;
  #reported = false;

  constructor(
    readonly breaker: CircuitBreaker,
    readonly probe: boolean,
    readonly generation: number,
    readonly span: Span,
  ) {}

  report(verdict: Verdict): void {
    if (this.#reported) return;
    this.#reported = true;
    this.breaker.report(verdict, this.generation, this.span);
  }
}
