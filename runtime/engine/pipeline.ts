import { type ResolvedFunction, type ResolvedTrigger, triggerFor } from "../project/resolve_function.ts";
import { parserOf } from "../api/define_event.ts";
import type { IdempotencyPolicy } from "../project/resolve_policy.ts";
import type { Delivery } from "../core/delivery.ts";
import type { WeirEvent } from "../core/event.ts";
import { errorDetail, type Outcome, type Result } from "../core/outcome.ts";
import {
  breakerVerdict,
  decideOutcome,
  deferForBreaker,
  deferForClaim,
  deferForState,
  deferUnknownSubject,
  type RetryContext,
} from "../core/decide_outcome.ts";
import { checkDelivery } from "../core/check_delivery.ts";
import { decode, type Decoded, type Parse } from "../core/cloudevent.ts";
import { formatTraceparent } from "../core/traceparent.ts";
import { CircuitBreaker, type Permit } from "./circuit_breaker.ts";
import { type Count, count } from "./count.ts";
import { type Decision, decision, Given } from "./decision.ts";
import type { DependencyBreakers } from "./dependency_breakers.ts";
import { type MaybePromise, then } from "./maybe_promise.ts";
import { InvocationContext, type Surroundings } from "./handler_context.ts";
import { claimEvent, IdempotencyKeyError } from "./idempotency.ts";
import { classify, HandlerRunner } from "./handler_runner.ts";
import { Admission } from "./admission.ts";
import type { Claim, Lease, Ports, Scope } from "./ports.ts";

const LOST: Outcome = { kind: "lease-expired" };
const OURS = { mine: () => true };

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
  readonly admission: Admission;
  readonly runner: HandlerRunner;
  /** How the data of each trigger that is an event is checked. */
  readonly #checks: ReadonlyMap<ResolvedTrigger, { readonly type: string; readonly parse: Parse }>;
  readonly #surroundings: Surroundings;

  constructor(readonly fn: ResolvedFunction, readonly dependencies: DependencyBreakers, readonly ports: Ports) {
    const { clock, observer } = ports;
    this.breaker = new CircuitBreaker(
      fn.name,
      "function",
      fn.policy.breaker,
      clock,
      (change) => observer.breakerChanged(change),
    );
    this.admission = new Admission(clock);
    this.admission.add(this.breaker);
    for (const name of Object.keys(fn.policy.dependencies)) this.#dependency(name);
    this.runner = new HandlerRunner(fn, clock);
    this.#checks = new Map(
      fn.triggers.flatMap((trigger) => {
        const { pattern: type, event } = trigger;
        return event ? [[trigger, { type, parse: parserOf(event) }]] : [];
      }),
    );
    this.#surroundings = { fn, kv: ports.kv, clock, breaker: (name) => this.#dependency(name) };
  }

  /**
   * Takes one delivery from its bytes to its settlement, in one go where there is nothing to wait for. Never rejects.
   */
  handle(delivery: Delivery, lease: Pick<Lease, "mine"> = OURS): MaybePromise<Outcome> {
    const { fn, ports } = this;
    const trigger = triggerFor(fn, delivery.subject);
    const decoded = decode(delivery, trigger && this.#checks.get(trigger));
    const counted = count(ports.attempts, fn.name, delivery, fn.policy.retry.attempts);
    if (!(counted instanceof Promise)) return this.#observed({ delivery, lease, trigger, decoded, counted });
    return counted.then(
      (counted) => this.#observed({ delivery, lease, trigger, decoded, counted }),
      (error) => this.#observed({ delivery, lease, trigger, decoded, counted: { unknown: error } }),
    );
  }

  #observed(passage: Passage): MaybePromise<Outcome> {
    const { delivery, trigger, decoded: { event }, counted } = passage, functionName = this.fn.name;
    const known = "unknown" in counted ? undefined : counted;
    const attempt = known ? known.attempt : delivery.deliveryCount;
    const previous = known ? known.previous : delivery.history.attemptTrace;
    const invocation = { functionName, delivery, event, attempt, trigger: trigger?.pattern, previous };
    return this.ports.observer.observe(
      invocation,
      (scope) => then(this.#decide(passage, scope), (decision) => this.#settle(delivery, decision, scope)),
    );
  }

  #decide({ delivery, lease, trigger, decoded, counted }: Passage, scope: Scope): MaybePromise<Decision> {
    const { policy } = this.fn;
    if ("unknown" in counted) {
      const given = this.#circumstances({ attempt: delivery.deliveryCount, excusedDeliveries: 0 });
      return { outcome: deferForState(given, counted.unknown) };
    }
    const given = this.#circumstances(counted);
    if (!trigger) return decision(counted, deferUnknownSubject(delivery, given));
    if (counted.ending) return decision(counted, counted.ending);
    if (counted.delayed) return decision(counted, { kind: "ack", skipped: "delayed" });
    const stop = checkDelivery({
      decoded,
      attempt: given.attempt,
      attempts: policy.retry.attempts,
      ageMs: policy.maxAgeMs === undefined ? 0 : given.nowMs - delivery.storedAtMs,
      maxAgeMs: policy.maxAgeMs,
    });
    if (stop) return this.#end(delivery, decoded, counted, stop);
    return then(lease.mine(), (mine) => {
      if (!mine) return { outcome: LOST };
      const permit = this.breaker.admit();
      if (!permit.admitted) return decision(counted, deferForBreaker("breaker-open", permit.retryAtMs, given));
      const work = { delivery, lease, event: decoded.event, counted, permit };
      // No turn is taken without need: meanwhile another handler may block the thread, and what was ours be so no more.
      if (policy.idempotency || counted.begin) return this.#claim(work, policy.idempotency, scope);
      return this.#attempt(work, undefined, scope);
    });
  }

  async #claim(work: Work, idempotency: IdempotencyPolicy | undefined, scope: Scope): Promise<Decision> {
    const { delivery, lease, event, counted, permit } = work;
    let claim: Claim | undefined;
    try {
      const claimed = idempotency && await claimEvent(this.ports.idempotency, this.fn, idempotency, event, delivery);
      if (claimed && claimed.kind !== "claimed") {
        permit.report("ignored");
        if (claimed.kind === "in-progress") return decision(counted, deferForClaim(this.#circumstances(counted)));
        return decision(counted, { kind: "ack", skipped: "handled-before" });
      }
      claim = claimed?.claim;
      if (counted.begin) await this.ports.attempts.write(this.fn.name, delivery, counted.begin);
      if (!await lease.mine()) { // another handler blocked the thread meanwhile
        permit.report("ignored");
        return { outcome: LOST, claim };
      }
    } catch (error) {
      permit.report("ignored");
      const given = this.#circumstances(counted);
      if (error instanceof IdempotencyKeyError) return decision(counted, decideOutcome(classify(error), given));
      return decision(counted, deferForState(given, error), claim);
    }
    return await this.#attempt(work, claim, scope);
  }

  #attempt({ delivery, event, counted, permit }: Work, claim: Claim | undefined, scope: Scope): MaybePromise<Decision> {
    return then(this.#run(event, counted, scope), (result) => {
      permit.report(breakerVerdict(result));
      const emittedSinceMs = counted.emittedSinceMs ??
        (result.kind === "emit-failed" ? delivery.storedAtMs : undefined);
      return decision(counted, decideOutcome(result, this.#circumstances(counted)), claim, emittedSinceMs);
    });
  }

  /** A delivery that is not run: unless the inbox knows that an earlier one was, and only its ack never came. */
  async #end(delivery: Delivery, decoded: Decoded, counted: Count, stop: Outcome): Promise<Decision> {
    const { idempotency } = this.fn.policy;
    if (!idempotency || decoded.kind === "invalid" || delivery.deliveryCount === 1) return decision(counted, stop);
    try {
      const claimed = await claimEvent(this.ports.idempotency, this.fn, idempotency, decoded.event, delivery);
      if (claimed.kind === "done") return decision(counted, { kind: "ack", skipped: "handled-before" });
      if (claimed.kind === "in-progress") return decision(counted, deferForClaim(this.#circumstances(counted)));
      return decision(counted, stop, claimed.claim);
    } catch (error) {
      if (error instanceof IdempotencyKeyError) return decision(counted, stop);
      return decision(counted, deferForState(this.#circumstances(counted), error));
    }
  }

  #run(event: WeirEvent, { attempt, emittedSinceMs }: Count, scope: Scope): MaybePromise<Result> {
    const context = new InvocationContext(this.#surroundings, event, attempt, scope);
    return then(this.runner.run(event, context), (result) => {
      if (result.kind !== "returned" || context.emitted.length === 0) return result;
      const { publisher } = this.ports;
      return Promise.all(context.emitted.map((emitted) => publisher.publish(emitted, emittedSinceMs))).then(
        () => result,
        (thrown: unknown) => {
          const { transient = false } = thrown as { transient?: boolean };
          return { kind: "emit-failed", transient, error: errorDetail(thrown) };
        },
      );
    });
  }

  #settle(delivery: Delivery, { outcome, progress, claim }: Decision, scope: Scope): MaybePromise<Outcome> {
    const { settler } = this.ports, { name } = this.fn;
    const attemptTrace = outcome.kind === "ack" ? undefined : formatTraceparent(scope.span.spanContext());
    const used = progress && attemptTrace ? { ...progress, attemptTrace } : progress;
    return then(settler.settle(name, delivery, outcome, used, claim), (settled) => {
      if (!settled.ok) {
        scope.span.addEvent("weir.not_settled", { "error.message": String(settled.error) });
        const fields = { outcome: outcome.kind, error: settled.error };
        scope.log.error("not settled: JetStream will deliver it again", fields);
      }
      return outcome;
    });
  }

  /** From its first use on, a dependency whose breaker is open keeps the whole function from pulling. */
  #dependency(name: string): CircuitBreaker {
    const breaker = this.dependencies.breaker(name);
    this.admission.add(breaker);
    return breaker;
  }

  #circumstances(counted: Pick<Count, "attempt" | "excusedDeliveries">): RetryContext {
    return new Given(counted, this.fn.policy.retry, this.ports.clock);
  }
}

/** One delivery on its way through. */
interface Passage {
  readonly delivery: Delivery;
  readonly lease: Pick<Lease, "mine">;
  /** Undefined when the function does not listen to the delivery's subject. */
  readonly trigger: ResolvedTrigger | undefined;
  readonly decoded: Decoded;
  readonly counted: Count | { readonly unknown: unknown };
}

/** One that was let through, as far as its handler. */
interface Work {
  readonly delivery: Delivery;
  readonly lease: Pick<Lease, "mine">;
  readonly event: WeirEvent;
  readonly counted: Count;
  readonly permit: Permit;
}
