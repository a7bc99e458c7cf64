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

  /** Returns whether one of them would refuse an attempt that begins now. */
  isOpen(): boolean {
    if (this.own.permits() === 0) return true;
    for (const breaker of this.#dependencies.values()) if (breaker.permits() === 0) return true;
    return false;
  }

  dependency(name: string): CircuitBreaker {
    return this.#dependencies.getOrInsertComputed(name, () => {
      const breaker = this.dependencies.breaker(name);
      this.admission.add(breaker);
      return breaker;
    });
  }
}
