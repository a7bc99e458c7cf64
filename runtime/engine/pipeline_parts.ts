import type { ResolvedFunction } from "../project/resolve_function.ts";
import { AdaptiveRunner } from "./adaptive_runner.ts";
import { Admission } from "./admission.ts";
import { BatchRunner } from "./batch_runner.ts";
import type { CircuitBreaker } from "./circuit_breaker.ts";
import type { Attempt } from "./attempt.ts";
import type { DependencyBreakers } from "./dependency_breakers.ts";
import { FunctionBreakers } from "./function_breakers.ts";
import { type HandlerMiddleware, type HandlerRunner, InProcessRunner } from "./handler_runner.ts";
import { KeyShares } from "./key_shares.ts";
import { KeyedOrder } from "./keyed_order.ts";
import { PartitionedOrder } from "./partitioned_order.ts";
import type { Ports } from "./ports.ts";
import { RateLimit } from "./rate_limit.ts";

/** The parts of a function's pipeline: those of every function, and those that its options ask for. */
export class PipelineParts {
  readonly admission: Admission;
  /** Undefined if the function has no rate. */
  readonly rate: RateLimit | undefined;
  /** Undefined if keys have no shares in the concurrency. */
  readonly shares: KeyShares | undefined;
  /** Undefined if the concurrency is fixed. */
  readonly adaptive: AdaptiveRunner | undefined;
  readonly runner: HandlerRunner;
  /** Undefined if events begin in any order, or keys have partitions. */
  readonly order: KeyedOrder | undefined;
  /** Undefined if keys have no partitions. */
  readonly partitioned: PartitionedOrder | undefined;
  /** Undefined if events are handled one by one. */
  readonly batches: BatchRunner | undefined;
  readonly #breakers: FunctionBreakers;

  constructor(
    readonly fn: ResolvedFunction,
    readonly dependencies: DependencyBreakers,
    readonly ports: Ports,
    middleware?: readonly HandlerMiddleware[],
  ) {
    const { clock, kv } = ports, { name, policy } = fn;
    this.admission = new Admission(clock);
    const breakers = this.#breakers = new FunctionBreakers(fn, dependencies, this.admission, ports);
    const collected = () => this.batches?.collector.size ?? 0;
    if (policy.rate && ports.rates) {
      this.admission.add(this.rate = new RateLimit(name, policy.rate, ports.rates, clock, collected));
    }
    if (policy.shares) this.admission.add(this.shares = new KeyShares(name, policy, policy.shares, ports));
    if (policy.order?.partitions) this.partitioned = new PartitionedOrder(fn, ports, this.admission);
    else if (policy.order) this.order = new KeyedOrder(fn, clock, ports.attempts, this.admission, ports.parked);
    const resources = { kv, breaker: (name: string) => breakers.dependency(name) };
    this.batches = policy.batch &&
      new BatchRunner(
        fn,
        clock,
        resources,
        middleware,
        (attempt) => this.orderOf(attempt)?.isAwaited(attempt) ?? false,
      );
    this.runner = this.batches ?? new InProcessRunner(fn, clock, resources, middleware);
    if (policy.adaptive) this.runner = this.adaptive = new AdaptiveRunner(policy.adaptive, this.runner, clock);
  }

  /** Returns the order that an attempt's event has a place in. */
  orderOf(attempt: Attempt): KeyedOrder | undefined {
    return this.order ?? this.partitioned?.of(attempt);
  }

  get breaker(): CircuitBreaker {
    return this.#breakers.own;
  }

  /** Breakers that hold the function back while they are open. The function's own breaker is the first. */
  get breakers(): CircuitBreaker[] {
    return this.#breakers.all();
  }

  /** Returns the number of attempts that the breakers would admit now; Infinity while all are closed. */
  permits(): number {
    return this.#breakers.permits();
  }

  /** Returns whether one of the breakers would refuse an attempt that begins now. */
  isOpen(): boolean {
    return this.permits() === 0;
  }

  /** Ends the waits of deliveries that have not begun, which are then given back. */
  endWaits(): void {
    this.batches?.collector.close();
    (this.order ?? this.partitioned)?.close();
  }
}
