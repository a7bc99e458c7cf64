import { type BoundFunction, triggerFor } from "../authoring/bind_function.ts";
import { parserOf } from "../authoring/define_event.ts";
import type { Delivery } from "../nouns/delivery.ts";
import type { WeirEvent } from "../nouns/event.ts";
import { errorDetail, type Outcome, type Result } from "../nouns/outcome.ts";
import { after, type Circumstances, inProgress, notMine, refused, unavailable, verdict } from "../policy/after.ts";
import { before } from "../policy/before.ts";
import { decode, type Decoded } from "../rules/decode.ts";
import { formatTraceparent } from "../rules/traceparent.ts";
import { CircuitBreaker } from "./circuit_breaker.ts";
import { type Count, count } from "./count.ts";
import type { Dependencies } from "./dependencies.ts";
import { InvocationContext } from "./handler_context.ts";
import { claimEvent, IdempotencyKeyError } from "./idempotency.ts";
import { classify, Invoker } from "./invoker.ts";
import { Gates } from "./gates.ts";
import type { Claim, Lease, Ports, Progress, Scope } from "./ports.ts";

const LOST: Outcome = { kind: "lost" };

/**
 * The one way through for a function's deliveries, in this order and no other:
 *
 *     decode → count → before (budget, age) → still ours? → admit (breaker) → claim (inbox) → handler → store emits
 *       → after → settle
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
    let counted: Count | { readonly unknown: unknown };
    try {
      counted = await count(ports.attempts, fn.name, delivery, fn.policy.retry.attempts);
    } catch (error) {
      counted = { unknown: error };
    }
    const attempt = "unknown" in counted ? delivery.deliveryCount : counted.attempt;
    const invocation = {
      functionName: fn.name,
      delivery,
      event: decoded.event,
      attempt,
      trigger: trigger?.pattern,
      previous: "unknown" in counted ? delivery.earlier.attemptTrace : counted.previous,
    };
    return await ports.observer.observe(invocation, async (scope) => {
      const { outcome, progress: used, claim } = "unknown" in counted
        ? { outcome: unavailable(this.#circumstances({ attempt, freeRetries: 0 }), counted.unknown) }
        : trigger === undefined
        ? decision(counted, notMine(delivery, this.#circumstances(counted)))
        : await this.#decide(delivery, decoded, counted, lease, scope);
      const attemptTrace = outcome.kind === "ack" ? undefined : formatTraceparent(scope.span.spanContext());
      const progress = used && attemptTrace ? { ...used, attemptTrace } : used;
      const settled = await ports.settler.settle(fn.name, delivery, outcome, progress, claim);
      if (!settled.ok) {
        const fields = { outcome: outcome.kind, error: settled.error };
        scope.span.addEvent("weir.not_settled", { "error.message": String(settled.error) });
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
  ): Promise<Decision> {
    const { policy, name } = this.fn;
    const given = this.#circumstances(counted);
    if (counted.ending) return decision(counted, counted.ending);
    if (counted.parked) return decision(counted, { kind: "ack", skipped: "parked" });
    const stop = before({
      decoded,
      attempt: given.attempt,
      attempts: policy.retry.attempts,
      ageMs: given.nowMs - delivery.storedAtMs,
      maxAgeMs: policy.maxAgeMs,
    });
    if (stop) return await this.#end(delivery, decoded, counted, stop);
    const mine = lease.mine();
    if (mine !== true && !await mine) return { outcome: LOST };
    const permit = this.breaker.admit();
    if (!permit.admitted) return decision(counted, refused("breaker-open", permit.retryAtMs, given));
    let claim: Claim | undefined;
    try {
      // No turn is taken without need: meanwhile another handler may block the thread, and what was ours be so no more.
      const claimed = policy.idempotency &&
        await claimEvent(this.ports.inbox, this.fn, policy.idempotency, decoded.event, delivery);
      if (claimed && claimed.kind !== "claimed") {
        permit.report("ignored");
        if (claimed.kind === "in-progress") return decision(counted, inProgress(given));
        return decision(counted, { kind: "ack", skipped: "handled-before" });
      }
      claim = claimed?.claim;
      if (counted.begin) await this.ports.attempts.write(name, delivery, counted.begin);
      if ((claim || counted.begin) && !await lease.mine()) { // another handler blocked the thread meanwhile
        permit.report("ignored");
        return { outcome: LOST, claim };
      }
    } catch (error) {
      permit.report("ignored");
      if (error instanceof IdempotencyKeyError) return decision(counted, after(classify(error), given));
      return decision(counted, unavailable(given, error), claim);
    }
    const result = await this.#run(decoded.event, counted, scope);
    permit.report(verdict(result));
    const emittedSinceMs = counted.emittedSinceMs ??
      (result.kind === "emit-failed" ? delivery.storedAtMs : undefined);
    return decision({ ...counted, emittedSinceMs }, after(result, this.#circumstances(counted)), claim);
  }

  /** A delivery that is not run: unless the inbox knows that an earlier one was, and only its ack never came. */
  async #end(delivery: Delivery, decoded: Decoded, counted: Count, stop: Outcome): Promise<Decision> {
    const { idempotency } = this.fn.policy;
    if (!idempotency || decoded.kind === "invalid" || delivery.deliveryCount === 1) return decision(counted, stop);
    try {
      const claimed = await claimEvent(this.ports.inbox, this.fn, idempotency, decoded.event, delivery);
      if (claimed.kind === "done") return decision(counted, { kind: "ack", skipped: "handled-before" });
      if (claimed.kind === "in-progress") return decision(counted, inProgress(this.#circumstances(counted)));
      return decision(counted, stop, claimed.claim);
    } catch (error) {
      if (error instanceof IdempotencyKeyError) return decision(counted, stop);
      return decision(counted, unavailable(this.#circumstances(counted), error));
    }
  }

  async #run(event: WeirEvent, { attempt, emittedSinceMs }: Count, scope: Scope): Promise<Result> {
    const { fn, ports: { kv, clock, publisher } } = this;
    const breaker = (name: string) => this.#dependency(name);
    const context = new InvocationContext({ fn, event, attempt, scope, breaker, kv, clock });
    const result = await this.invoker.invoke(event, context);
    if (result.kind !== "returned" || context.emitted.length === 0) return result;
    try {
      await Promise.all(context.emitted.map((emitted) => publisher.publish(emitted, emittedSinceMs)));
      return result;
    } catch (thrown) {
      const { blameless = false } = thrown as { blameless?: boolean };
      return { kind: "emit-failed", blameless, error: errorDetail(thrown) };
    }
  }

  /** From its first use on, a dependency whose breaker is open keeps the whole function from pulling. */
  #dependency(name: string): CircuitBreaker {
    const breaker = this.dependencies.breaker(name);
    this.gates.add(breaker);
    return breaker;
  }

  #circumstances({ attempt, freeRetries }: Pick<Count, "attempt" | "freeRetries">): Circumstances {
    const { clock } = this.ports;
    return { attempt, freeRetries, retry: this.fn.policy.retry, nowMs: clock.now(), random: clock.random() };
  }
}

/** What is to be done with a delivery, and what that rests on. */
interface Decision {
  readonly outcome: Outcome;
  /** Undefined when the counts could not be read: they must not be written then either. */
  readonly progress?: Progress;
  readonly claim?: Claim;
}

/** With what the event has used up once this delivery is settled. */
function decision(counted: Count, outcome: Outcome, claim?: Claim): Decision {
  const { attempt, freeRetries, emittedSinceMs, ending } = counted;
  const free = outcome.kind === "retry" && !outcome.usesAttempt;
  const attempts = free ? attempt - 1 : attempt;
  const progress = {
    attempts,
    freeRetries: free ? freeRetries + 1 : freeRetries,
    emittedSinceMs,
    ending: ending !== undefined,
  };
  return { outcome, progress, claim };
}
