import type { Span } from "@opentelemetry/api";
import { DependencyOpenError, NonRetryableError, RetryAfterError } from "../api/errors.ts";
import { describeValue } from "../project/option_schemas.ts";
import { DEFAULT_BREAKER } from "../project/failure_policy.ts";
import type { BreakerPolicy } from "../core/breaker.ts";
import { errorsIn, isA } from "../core/error_detail.ts";
import type { BreakerPorts } from "./breaker_store.ts";
import type { BreakerChange, CircuitBreaker, Permit } from "./circuit_breaker.ts";
import type { ServerClock } from "./clock.ts";
import { isServiceUnavailable } from "./service_calls.ts";
import { createBreaker } from "./shared_breaker.ts";

/** Failure of a call to a dependency. `open`: the dependency is down, so the event did not cause the failure. */
export type DependencyFailure =
  | { readonly dependency: string; readonly open: false }
  | {
    readonly dependency: string;
    readonly open: true;
    readonly retryAtMs: number;
    readonly probeFailed: boolean;
  };

/** Failures by the thrown error. The errors are the author's, so nothing is written into them. */
const failures = new WeakMap<object, DependencyFailure>();

/** Returns the dependency that caused an error, also through causes and aggregates; undefined when none did. */
export function dependencyFailure(thrown: unknown): DependencyFailure | undefined {
  for (const error of errorsIn(thrown)) {
    if (isA(error, DependencyOpenError)) {
      const { dependency, retryAtMs } = error;
      return { dependency, open: true, retryAtMs, probeFailed: false };
    }
    const failure = failures.get(error as object);
    if (failure) return failure;
  }
  return undefined;
}

/**
 * Greatest number of dependencies of a process. Each has a breaker in memory, series of metrics, and a place in
 * `/functions`.
 */
const MAX_DEPENDENCIES = 1_000;

/** The dependency breakers of this process, one for each name. All functions share them. */
export class DependencyBreakers {
  readonly #breakers = new Map<string, CircuitBreaker>();

  /** @param ports The store of breakers with `shared`. Default: each process has breakers of its own. */
  constructor(
    readonly policies: Readonly<Record<string, BreakerPolicy>>,
    readonly clock: ServerClock,
    readonly reportChange: (change: BreakerChange) => void,
    readonly ports?: BreakerPorts,
  ) {}

  breaker(name: string): CircuitBreaker {
    return this.#breakers.getOrInsertComputed(name, () => {
      if (typeof name !== "string" || name === "") {
        throw new TypeError(`a dependency has a name, such as "PaymentService", not ${describeValue(name)}`);
      }
      if (this.#breakers.size >= MAX_DEPENDENCIES) {
        throw new TypeError(
          `dependency ${
            describeValue(name)
          } is one more than ${MAX_DEPENDENCIES}: a name must not come from an event's data`,
        );
      }
      const policy = this.policies[name] ?? DEFAULT_BREAKER;
      return createBreaker(name, "dependency", policy, this.clock, this.reportChange, this.ports);
    });
  }
}

interface Call {
  readonly breaker: CircuitBreaker;
  readonly permit: Permit;
}

/** The calls of one attempt that are under way. */
export class DependencyCalls {
  readonly #open = new Set<Call>();
  #ended = false;

  /** @param span Span of the attempt, which records changes of the breakers. */
  constructor(readonly span: Span) {}

  /**
   * Runs one call under a breaker. The call ends when the signal aborts, even if it ignores the signal: a call that
   * never returns must not keep the breaker's only probe for ever.
   */
  async call<Value>(
    breaker: CircuitBreaker,
    signal: AbortSignal,
    run: (signal: AbortSignal) => Value | Promise<Value>,
  ): Promise<Value> {
    signal.throwIfAborted();
    if (this.#ended) throw endedError(breaker);
    const answer = breaker.acquire(this.span), permit = answer instanceof Promise ? await answer : answer;
    if (!permit.admitted) throw new DependencyOpenError(breaker.name, permit.retryAtMs);
    if (signal.aborted || this.#ended) permit.report("ignored"); // while the store was asked
    signal.throwIfAborted();
    if (this.#ended) throw endedError(breaker);
    const call = { breaker, permit };
    this.#open.add(call);
    try {
      const value = await untilAborted(signal, () => run(signal));
      permit.report("success");
      return value;
    } catch (error) {
      // After an abort, `end` reports the call: only it knows whether the attempt timed out.
      if (signal.aborted) throw error;
      const answered = isA(error, NonRetryableError) || isA(error, RetryAfterError);
      const blameless = !answered && isServiceUnavailable(error);
      permit.report(answered ? "success" : blameless ? "ignored" : "failure");
      if (!answered && !blameless && Object(error) === error) failures.set(error as object, failureOf(call));
      throw error;
    } finally {
      if (!signal.aborted) this.#open.delete(call);
    }
  }

  /**
   * Ends the calls that are still open when the attempt ends. They count as failures if the attempt timed out. Returns
   * the failure of the dependency in which it timed out.
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

function endedError({ name }: CircuitBreaker): Error {
  return new Error(`a call to ${name} after the handler returned: await what it starts`);
}

/** Returns how a call failed. After a failed probe the dependency is down. Other failures may be the event's fault. */
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
