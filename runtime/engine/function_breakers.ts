import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Admission } from "./admission.ts";
import type { CircuitBreaker } from "./circuit_breaker.ts";
import type { DependencyBreakers } from "./dependency_breakers.ts";
import type { Ports } from "./ports.ts";
import { createBreaker } from "./shared_breaker.ts";

/**
 * The breakers that hold back one function: its own, and those of the dependencies that it declares or has called. While
 * one of them is open, the function does not pull.
 */
export class FunctionBreakers {
  readonly own: CircuitBreaker;
  readonly #dependencies = new Map<string, CircuitBreaker>();

  constructor(
    { name, policy }: ResolvedFunction,
    readonly dependencies: DependencyBreakers,
    readonly admission: Admission,
    { clock, observer, breakers }: Ports,
  ) {
    const report = observer.breakerChanged.bind(observer);
    this.own = createBreaker(name, "function", policy.breaker, clock, report, breakers);
    admission.add(this.own);
    for (const dependency of Object.keys(policy.dependencies)) this.dependency(dependency);
  }

  /** All breakers, the function's own first. */
  all(): CircuitBreaker[] {
    return [this.own, ...this.#dependencies.values()];
  }

  /** Returns the number of attempts that they would admit now: the least of all; Infinity while all are closed. */
  permits(): number {
    let permits = this.own.permits();
    for (const breaker of this.#dependencies.values()) permits = Math.min(permits, breaker.permits());
    return permits;
  }

  dependency(name: string): CircuitBreaker {
    return this.#dependencies.getOrInsertComputed(name, () => {
      const breaker = this.dependencies.breaker(name);
      this.admission.add(breaker);
      return breaker;
    });
  }
}
