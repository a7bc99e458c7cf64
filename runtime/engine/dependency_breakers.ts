import { DependencyOpenError, NonRetryableError, RetryAfterError } from "../api/errors.ts";
import { DEFAULT_BREAKER } from "../project/resolve_policy.ts";
import type { BreakerPolicy } from "../core/breaker.ts";
import { CircuitBreaker, type Permit } from "./circuit_breaker.ts";
import type { BreakerChange, Clock } from "./ports.ts";

/** What a failure says about a dependency: `open` when it is down, so that the event is not to blame. */
export type DependencyFailure =
  | { readonly dependency: string; readonly open: false }
  | {
    readonly dependency: string;
    readonly open: true;
    readonly retryAtMs: number;
    readonly probeFailed: boolean;
  };

/** Errors that calls threw: the author's own, so they are marked from outside. */
const failures = new WeakMap<object, DependencyFailure>();

/** The dependency a handler failed in; looks through `cause`. */
export function dependencyFailure(thrown: unknown): DependencyFailure | undefined {
  for (let error = thrown, depth = 0; error instanceof Object && depth < 8; depth++) {
    if (error instanceof DependencyOpenError) {
      const { dependency, retryAtMs } = error;
      return { dependency, open: true, retryAtMs, probeFailed: false };
    }
    const failure = failures.get(error);
    if (failure) return failure;
    error = (error as Error).cause;
  }
  return undefined;
}

/** The breakers of everything the functions of this process depend on, one a name. */
export class DependencyBreakers {
  readonly #breakers = new Map<string, CircuitBreaker>();

  constructor(
    readonly policies: Readonly<Record<string, BreakerPolicy>>,
    readonly clock: Clock,
    readonly changed: (change: BreakerChange) => void,
  ) {}

  breaker(name: string): CircuitBreaker {
    let breaker = this.#breakers.get(name);
    if (!breaker) {
      const policy = this.policies[name] ?? DEFAULT_BREAKER;
      breaker = new CircuitBreaker(name, "dependency", policy, this.clock, this.changed);
      this.#breakers.set(name, breaker);
    }
    return breaker;
  }
}

interface Call {
  readonly breaker: CircuitBreaker;
  readonly permit: Permit;
}

/** The calls that one invocation has under way. */
export class DependencyCalls {
  readonly #open = new Set<Call>();
  #ended = false;

  /**
   * Runs one call under a breaker. It ends when the signal aborts even if the call itself takes no notice, so
   * that a call which never returns cannot keep the breaker's only probe for ever.
   */
  async call<Value>(
    breaker: CircuitBreaker,
    signal: AbortSignal,
    run: (signal: AbortSignal) => Value | Promise<Value>,
  ): Promise<Value> {
    signal.throwIfAborted();
    if (this.#ended) throw new Error(`a call to ${breaker.name} after the handler returned: await what it starts`);
    const permit = breaker.admit();
    if (!permit.admitted) throw new DependencyOpenError(breaker.name, permit.retryAtMs);
    const call = { breaker, permit };
    this.#open.add(call);
    try {
      const value = await untilAborted(signal, () => run(signal));
      permit.report("success");
      return value;
    } catch (error) {
      // Aborted: what that says about the dependency is told when the invocation ends.
      if (signal.aborted) throw error;
      const answered = error instanceof NonRetryableError || error instanceof RetryAfterError;
      permit.report(answered ? "success" : "failure");
      if (!answered && error instanceof Object) failures.set(error, failureOf(call));
      throw error;
    } finally {
      if (!signal.aborted) this.#open.delete(call);
    }
  }

  /**
   * The invocation is over: calls still open are reported, as failures if it ran out of time. Returns the one that
   * it ran out of time in.
   */
  end(timedOut: boolean): DependencyFailure | undefined {
    this.#ended = true;
    let failure: DependencyFailure | undefined;
    for (const call of this.#open) {
      call.permit.report(timedOut ? "failure" : "ignored");
      if (timedOut) failure = failureOf(call);
    }
    this.#open.clear();
    return failure;
  }
}

/** A probe that failed opened its breaker again: the dependency is down. Any other failure may be the event's. */
function failureOf({ breaker, permit }: Call): DependencyFailure {
  const dependency = breaker.name;
  if (!permit.probe || breaker.state.kind !== "open") return { dependency, open: false };
  return { dependency, open: true, retryAtMs: breaker.state.untilMs, probeFailed: true };
}

async function untilAborted<Value>(signal: AbortSignal, run: () => Value | Promise<Value>): Promise<Value> {
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([run(), aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
