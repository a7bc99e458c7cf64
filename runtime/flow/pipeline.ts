import { type BoundFunction, parserFor } from "../authoring/bind_function.ts";
import type { Delivery } from "../nouns/delivery.ts";
import type { WeirEvent } from "../nouns/event.ts";
import { errorDetail, type Outcome, type Result } from "../nouns/outcome.ts";
import { after, type Circumstances, refused, verdict } from "../policy/after.ts";
import { before } from "../policy/before.ts";
import { backoffMs } from "../rules/backoff.ts";
import { decode, type Decoded } from "../rules/decode.ts";
import { CircuitBreaker } from "./circuit_breaker.ts";
import type { Dependencies } from "./dependencies.ts";
import { InvocationContext } from "./handler_context.ts";
import { Invoker } from "./invoker.ts";
import { Gates } from "./gates.ts";
import type { Ports, Scope } from "./ports.ts";

/**
 * The one way through for a function's deliveries, in this order and no other:
 *
 *     decode → count → before (budget, age) → admit (breaker) → handler → store emits → after → settle
 *
 * Each step yields a value that the next one reads. Only `settle` has an effect on the delivery.
 */
export class Pipeline {
  readonly breaker: CircuitBreaker;
  readonly gates: Gates;
  readonly invoker: Invoker;

  constructor(readonly fn: BoundFunction, readonly dependencies: Dependencies, readonly ports: Ports) {
    const { clock, observer } = ports;
    this.breaker = new CircuitBreaker(
      fn.name,
      "function",
      fn.policy.breaker,
      clock,
      (change) => observer.breakerChanged(change),
    );
    this.gates = new Gates(clock);
    this.gates.add(this.breaker);
    for (const name of Object.keys(fn.policy.dependencies)) this.#dependency(name);
    this.invoker = new Invoker(fn, clock);
  }

  /** Takes one delivery from its bytes to its settlement. Never rejects. */
  async handle(delivery: Delivery): Promise<Outcome> {
    const decoded = decode(delivery, parserFor(this.fn, delivery.subject));
    const counted = await this.#count(delivery);
    const { earlier } = delivery;
    const attempt = earlier.attempts + delivery.deliveryCount - counted.freeRetries;
    const freeRetries = earlier.freeRetries + counted.freeRetries;
    const invocation = { functionName: this.fn.name, delivery, event: decoded.event, attempt };
    return await this.ports.observer.observe(invocation, async (scope) => {
      const given = this.#circumstances(attempt, freeRetries);
      const outcome = counted.error === undefined
        ? await this.#decide(delivery, decoded, given, scope)
        : unavailable(given, counted.error);
      const free = outcome.kind === "retry" && !outcome.usesAttempt ? 1 : 0;
      const progress = { attempts: attempt - free, freeRetries: freeRetries + free };
      const settled = await this.ports.settler.settle(this.fn.name, delivery, outcome, progress);
      if (!settled.ok) {
        scope.log.error("not settled: JetStream will deliver it again", {
          outcome: outcome.kind,
          error: settled.error,
        });
      }
      return outcome;
    });
  }

  async #decide(delivery: Delivery, decoded: Decoded, given: Circumstances, scope: Scope): Promise<Outcome> {
    const { policy } = this.fn;
    const stop = before({
      decoded,
      attempt: given.attempt,
      attempts: policy.retry.attempts,
      ageMs: given.nowMs - delivery.storedAtMs,
      maxAgeMs: policy.maxAgeMs,
    });
    if (stop) return stop;
    const permit = this.breaker.admit();
    if (!permit.admitted) return refused("breaker-open", permit.retryAtMs, given);
    const result = await this.#run(decoded.event, given.attempt, scope);
    permit.report(verdict(result));
    return after(result, this.#circumstances(given.attempt, given.freeRetries));
  }

  async #run(event: WeirEvent, attempt: number, scope: Scope): Promise<Result> {
    const { fn, ports: { kv, clock } } = this;
    const breaker = (name: string) => this.#dependency(name);
    const context = new InvocationContext({ fn, event, attempt, scope, breaker, kv, clock });
    const result = await this.invoker.invoke(event, context);
    if (result.kind !== "returned" || context.emitted.length === 0) return result;
    try {
      await Promise.all(context.emitted.map((emitted) => this.ports.publisher.publish(emitted)));
      return result;
    } catch (thrown) {
      return { kind: "emit-failed", error: errorDetail(thrown) };
    }
  }

  /** From its first use on, a dependency whose breaker is open keeps the whole function from pulling. */
  #dependency(name: string): CircuitBreaker {
    const breaker = this.dependencies.breaker(name);
    this.gates.add(breaker);
    return breaker;
  }

  /** The first delivery is the first attempt; only for a later one is it worth asking. */
  async #count(delivery: Delivery): Promise<{ freeRetries: number; error?: unknown }> {
    if (delivery.deliveryCount === 1) return { freeRetries: 0 };
    try {
      const freeRetries = await this.ports.attempts.freeRetries(this.fn.name, delivery);
      return { freeRetries: Math.min(freeRetries, delivery.deliveryCount - 1) };
    } catch (error) {
      return { freeRetries: 0, error };
    }
  }

  #circumstances(attempt: number, freeRetries: number): Circumstances {
    const { clock } = this.ports;
    return { attempt, freeRetries, retry: this.fn.policy.retry, nowMs: clock.now(), random: clock.random() };
  }
}

/** Without knowing the attempt nothing may be decided: the delivery waits, and uses none. */
function unavailable(given: Circumstances, error: unknown): Outcome {
  return {
    kind: "retry",
    reason: "state-unavailable",
    delayMs: backoffMs(given.retry, 1, given.random),
    usesAttempt: false,
    error: errorDetail(error),
  };
}
