import { type BoundFunction, triggerFor } from "../authoring/bind_function.ts";
import { parserOf } from "../authoring/define_event.ts";
import type { Delivery } from "../nouns/delivery.ts";
import type { WeirEvent } from "../nouns/event.ts";
import { errorDetail, type Outcome, type Result } from "../nouns/outcome.ts";
import { after, type Circumstances, notMine, refused, unavailable, verdict } from "../policy/after.ts";
import { before } from "../policy/before.ts";
import { decode, type Decoded } from "../rules/decode.ts";
import { CircuitBreaker } from "./circuit_breaker.ts";
import { type Count, count } from "./count.ts";
import type { Dependencies } from "./dependencies.ts";
import { InvocationContext } from "./handler_context.ts";
import { Invoker } from "./invoker.ts";
import { Gates } from "./gates.ts";
import type { Lease, Ports, Progress, Scope } from "./ports.ts";

const LOST: Outcome = { kind: "lost" };

/**
 * The one way through for a function's deliveries, in this order and no other:
 *
 *     decode → count → before (budget, age) → still ours? → admit (breaker) → handler → store emits → after → settle
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
  async handle(delivery: Delivery, lease: Pick<Lease, "mine"> = { mine: () => true }): Promise<Outcome> {
    const { fn, ports } = this;
    const trigger = triggerFor(fn, delivery.subject);
    const decoded = decode(delivery, trigger?.event && { type: trigger.pattern, parse: parserOf(trigger.event) });
    let counted: Count = { attempt: delivery.deliveryCount, freeRetries: 0, begin: undefined };
    let unknown: unknown;
    try {
      counted = await count(ports.attempts, fn.name, delivery, fn.policy.retry.attempts);
    } catch (error) {
      unknown = error;
    }
    const { attempt } = counted;
    const invocation = { functionName: fn.name, delivery, event: decoded.event, attempt };
    return await ports.observer.observe(invocation, async (scope) => {
      const outcome = unknown !== undefined
        ? unavailable(this.#circumstances(counted), unknown)
        : trigger === undefined
        ? notMine(delivery, this.#circumstances(counted))
        : await this.#decide(delivery, decoded, counted, lease, scope);
      // Counts that could not be read must not be written either.
      const progress = unknown === undefined ? progressOf(counted, outcome) : undefined;
      const settled = await ports.settler.settle(fn.name, delivery, outcome, progress);
      if (!settled.ok) {
        const fields = { outcome: outcome.kind, error: settled.error };
        scope.log.error("not settled: JetStream will deliver it again", fields);
      }
      return outcome;
    });
  }

  async #decide(
    delivery: Delivery,
    decoded: Decoded,
    counted: Count,
    lease: Pick<Lease, "mine">,
    scope: Scope,
  ): Promise<Outcome> {
    const { policy } = this.fn;
    const given = this.#circumstances(counted);
    const stop = before({
      decoded,
      attempt: given.attempt,
      attempts: policy.retry.attempts,
      ageMs: given.nowMs - delivery.storedAtMs,
      maxAgeMs: policy.maxAgeMs,
    });
    if (stop) return stop;
    const mine = lease.mine();
    if (mine !== true && !await mine) return LOST;
    const permit = this.breaker.admit();
    if (!permit.admitted) return refused("breaker-open", permit.retryAtMs, given);
    try {
      if (counted.begin) {
        await this.ports.attempts.write(this.fn.name, delivery, counted.begin);
        if (!await lease.mine()) { // another handler blocked the thread meanwhile
          permit.report("ignored");
          return LOST;
        }
      }
    } catch (error) {
      permit.report("ignored");
      return unavailable(given, error);
    }
    const result = await this.#run(decoded.event, given.attempt, scope);
    permit.report(verdict(result));
    return after(result, this.#circumstances(counted));
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

  #circumstances({ attempt, freeRetries }: Count): Circumstances {
    const { clock } = this.ports;
    return { attempt, freeRetries, retry: this.fn.policy.retry, nowMs: clock.now(), random: clock.random() };
  }
}

/** What the event has used up once this delivery is settled. */
function progressOf({ attempt, freeRetries }: Count, outcome: Outcome): Progress {
  const free = outcome.kind === "retry" && !outcome.usesAttempt;
  return { attempts: free ? attempt - 1 : attempt, freeRetries: free ? freeRetries + 1 : freeRetries };
}
