import { checkDelivery } from "../core/check_delivery.ts";
import { type BoundSchema, decode } from "../core/cloudevent.ts";
import {
  breakerVerdict,
  decideOutcome,
  deferForBreaker,
  deferForState,
  giveBack,
  type GiveBackReason,
} from "../core/decide_outcome.ts";
import type { Delivery } from "../core/delivery.ts";
import type { Outcome, Result } from "../core/outcome.ts";
import { type ResolvedFunction, type ResolvedTrigger, schemaOf, triggerFor } from "../project/resolve_function.ts";
import type { FunctionPolicy } from "../project/resolve_policy.ts";
import { AdaptiveRunner } from "./adaptive_runner.ts";
import { Admission } from "./admission.ts";
import { Attempt } from "./attempt.ts";
import { BatchRunner } from "./batch_runner.ts";
import type { BreakerAnswer, CircuitBreaker } from "./circuit_breaker.ts";
import { debounceEvent, mustWait } from "./debounce.ts";
import type { DependencyBreakers } from "./dependency_breakers.ts";
import { publishDue, storeEffects } from "./effects.ts";
import { filterEvent } from "./event_filter.ts";
import { FunctionBreakers } from "./function_breakers.ts";
import { type HandlerMiddleware, type HandlerRunner, InProcessRunner, resultOfThrown } from "./handler_runner.ts";
import { claimEvent, claimToConfirm, IdempotencyKeyError, needsConfirmation } from "./idempotency.ts";
import { KeyShares } from "./key_shares.ts";
import { UNLIMITED } from "./leases.ts";
import { type MaybePromise, then } from "./maybe_promise.ts";
import type { Ports } from "./ports.ts";
import { RateLimit } from "./rate_limit.ts";

const LEASE_EXPIRED: Outcome = { kind: "lease-expired" };

/**
 * The way of a function's deliveries: read → check → filter → debounce → turn → rate → admit →
 * claim → run → decide → finish.
 */
export class Pipeline {
  readonly admission: Admission;
  /** Undefined if the function has no rate. */
  readonly rate: RateLimit | undefined;
  /** Undefined if keys have no shares in the concurrency. */
  readonly shares: KeyShares | undefined;
  /** Undefined if the concurrency is fixed. */
  readonly adaptive: AdaptiveRunner | undefined;
  readonly runner: HandlerRunner;
  /** Undefined if events are handled one by one. */
  readonly batches: BatchRunner | undefined;
  /** Schema of the event of each trigger that has one. */
  readonly #schemas = new Map<ResolvedTrigger, BoundSchema>();
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
    if (policy.rate && ports.rates) {
      this.admission.add(this.rate = new RateLimit(name, policy.rate, ports.rates, clock));
    }
    if (policy.shares) this.admission.add(this.shares = new KeyShares(name, policy, policy.shares, ports));
    const resources = { kv, breaker: (name: string) => breakers.dependency(name) };
    this.batches = policy.batch && new BatchRunner(fn, clock, resources, middleware);
    this.runner = this.batches ?? new InProcessRunner(fn, clock, resources, middleware);
    if (policy.adaptive) this.runner = this.adaptive = new AdaptiveRunner(policy.adaptive, this.runner, clock);
    for (const trigger of fn.triggers) {
      const schema = schemaOf(trigger);
      if (schema) this.#schemas.set(trigger, schema);
    }
  }

  get breaker(): CircuitBreaker {
    return this.#breakers.own;
  }

  /** Breakers that hold the function back while they are open. The function's own breaker is the first. */
  get breakers(): CircuitBreaker[] {
    return this.#breakers.all();
  }

  /** Returns whether one of the breakers would refuse an attempt that begins now. */
  isOpen(): boolean {
    return this.#breakers.permits() === 0;
  }

  /** Creates the record of a delivery. @param lease Default: a lease that never expires. */
  newAttempt(delivery: Delivery, lease = UNLIMITED): Attempt {
    return new Attempt(this.fn, this.ports.clock, delivery, lease);
  }

  /** Takes an attempt to its settlement, synchronously when nothing has to be waited for. Never rejects. */
  handle(attempt: Attempt): MaybePromise<Outcome> {
    this.#decode(attempt);
    return attempt.isCounted
      ? this.#enter(attempt)
      : attempt.readCounts(this.ports.attempts).then(() => this.#enter(attempt));
  }

  /** Gives back a delivery that has not begun: at shutdown, or because it was pulled ahead and cannot begin soon. */
  giveBack(attempt: Attempt, reason: GiveBackReason): MaybePromise<Outcome> {
    this.#decode(attempt);
    this.ports.observer.begin(attempt);
    return then(attempt.lease.isValid(), (isValid) => {
      // Once the lease has expired another process may own the delivery, and a nak would take it from there.
      return this.#finish(attempt, isValid ? giveBack(reason) : LEASE_EXPIRED);
    });
  }

  #decode(attempt: Attempt): void {
    const { fn } = this, { delivery } = attempt;
    const trigger = attempt.trigger = triggerFor(fn, delivery.subject, delivery.stream);
    attempt.decoded = decode(delivery, trigger && this.#schemas.get(trigger), fn.policy.decode);
  }

  /** An event that only waits for its key to be quiet is in no batch: collecting it would prolong its burst. */
  #enter(attempt: Attempt): MaybePromise<Outcome> {
    return this.batches && !this.#isDebounced(attempt) ? this.#collect(this.batches, attempt) : this.#begin(attempt);
  }

  #isDebounced({ delivery: { history } }: Attempt): boolean {
    return this.fn.policy.debounce !== undefined && this.ports.pending !== undefined && mustWait(history);
  }

  /** Begins an attempt once its batch is complete: the wait for the others is part of no timeout and no duration. */
  async #collect({ collector }: BatchRunner, attempt: Attempt): Promise<Outcome> {
    try {
      return await (await collector.collect(attempt) ? this.#begin(attempt) : this.giveBack(attempt, "shutdown"));
    } finally {
      attempt.batch?.leave(attempt); // also if a step has a defect: the others would wait for it
    }
  }

  /** Begins the telemetry, checks the delivery and its lease, and admits it unless it is refused. */
  #begin(attempt: Attempt): MaybePromise<Outcome> {
    this.ports.observer.begin(attempt);
    if (attempt.delivery.history.isDelayedEvent) {
      return publishDue(this.ports.publisher, attempt).then((outcome) => this.#finish(attempt, outcome));
    }
    const refusal = this.#check(attempt);
    if (refusal) return this.#refuse(attempt, refusal);
    return then(attempt.lease.isValid(), (isValid) => {
      if (!isValid) return this.#finish(attempt, LEASE_EXPIRED);
      return this.fn.policy.where ? this.#filter(attempt, this.fn.policy.where) : this.#takeTurn(attempt);
    });
  }

  /** Returns the outcome of a delivery whose handler must not run. */
  #check(attempt: Attempt): Outcome | undefined {
    const { cancelled } = this.ports;
    if (cancelled) attempt.isCancelled = cancelled.has(this.fn.name, attempt.delivery);
    return checkDelivery(attempt);
  }

  #refuse(attempt: Attempt, refusal: Outcome): MaybePromise<Outcome> {
    if (!needsConfirmation(attempt, refusal)) return this.#finish(attempt, refusal);
    return claimToConfirm(this.ports.idempotency, attempt, refusal).then((outcome) => this.#finish(attempt, outcome));
  }

  #filter(attempt: Attempt, where: NonNullable<FunctionPolicy["where"]>): MaybePromise<Outcome> {
    return then(
      filterEvent(where, attempt, this.ports.attempts),
      (outcome) => outcome ? this.#refuse(attempt, outcome) : this.#takeTurn(attempt),
    );
  }

  /** Postpones an event of a burst, or waits for the turn of its key, if the function has `debounce` or shares. */
  #takeTurn(attempt: Attempt): MaybePromise<Outcome> {
    const { policy: { debounce } } = this.fn, { pending } = this.ports;
    if (debounce && pending && this.#isDebounced(attempt)) {
      return debounceEvent(pending, debounce, attempt).then((outcome) => this.#refuse(attempt, outcome));
    }
    if (!this.shares) return this.#takeStart(attempt);
    const refuse = (outcome: Outcome) => this.#finish(attempt, outcome);
    // An attempt that could be the probe of a breaker does not wait for its key: another key's may make the probe.
    const mayWait = this.#breakers.permits() === Infinity;
    return this.shares.enter(attempt, () => this.#useTurn(attempt), refuse, mayWait);
  }

  /** Checks an attempt again: while it waited, a breaker may have opened, and the event been cancelled or expired. */
  #useTurn(attempt: Attempt): MaybePromise<Outcome> {
    if (this.isOpen()) return this.#finish(attempt, giveBack("refused"));
    const refusal = this.#check(attempt);
    return refusal ? this.#refuse(attempt, refusal) : this.#takeStart(attempt);
  }

  /** Waits for a start, if the function has a rate. */
  #takeStart(attempt: Attempt): MaybePromise<Outcome> {
    if (!this.rate) return this.#admit(attempt);
    attempt.handlerFromMs = undefined; // the wait does not count towards the handler's timeout
    return this.rate.take(attempt).then(async (refusal) => {
      if (refusal) return await this.#finish(attempt, refusal);
      return await attempt.lease.isValid() ? this.#admit(attempt) : this.#finish(attempt, LEASE_EXPIRED);
    });
  }

  #admit(attempt: Attempt): MaybePromise<Outcome> {
    const answer = this.breaker.acquire(attempt.span);
    return answer instanceof Promise ? this.#admitLater(attempt, answer) : this.#answered(attempt, answer);
  }

  /** Waits until a shared breaker knows which process makes the probe. */
  async #admitLater(attempt: Attempt, later: Promise<BreakerAnswer>): Promise<Outcome> {
    attempt.handlerFromMs = undefined; // the wait does not count towards the handler's timeout
    const answer = await later;
    if (!answer.admitted || await attempt.lease.isValid()) return await this.#answered(attempt, answer);
    attempt.permit = answer;
    return await this.#finish(attempt, LEASE_EXPIRED);
  }

  #answered(attempt: Attempt, answer: BreakerAnswer): MaybePromise<Outcome> {
    if (!answer.admitted) return this.#finish(attempt, deferForBreaker("breaker-open", answer.retryAtMs, attempt));
    attempt.permit = answer;
    // Stays synchronous if possible. During an await another handler may block the thread until the lease expires.
    return this.fn.policy.idempotency || attempt.countsAtStart ? this.#storeBeforeRun(attempt) : this.#run(attempt);
  }

  /** Stores the claim on an idempotent event, and that the attempt of a redelivery begins. Then runs the handler. */
  async #storeBeforeRun(attempt: Attempt): Promise<Outcome> {
    const { idempotency, attempts } = this.ports, { delivery, countsAtStart, lease } = attempt;
    attempt.handlerFromMs = undefined; // what is awaited here does not count towards the handler's timeout
    try {
      const refusal = await claimEvent(idempotency, attempt);
      if (refusal) return await this.#finish(attempt, refusal);
      if (countsAtStart) await attempts.write(this.fn.name, delivery, countsAtStart);
    } catch (error) {
      const isKeyError = error instanceof IdempotencyKeyError;
      return await this.#finish(
        attempt,
        isKeyError ? decideOutcome(resultOfThrown(error), attempt) : deferForState(attempt, error),
      );
    }
    return await then(
      lease.isValid(),
      (isValid) => isValid ? this.#run(attempt) : this.#finish(attempt, LEASE_EXPIRED),
    );
  }

  #run(attempt: Attempt): MaybePromise<Outcome> {
    return then(this.runner.run(attempt), (result) => {
      if (attempt.emitted.length === 0 && attempt.cancelledKeys.size === 0) return this.#decide(attempt, result);
      return storeEffects(this.ports, attempt, result).then((result) => this.#decide(attempt, result));
    });
  }

  #decide(attempt: Attempt, result: Result): MaybePromise<Outcome> {
    attempt.permit!.report(breakerVerdict(result));
    // Some of the events may be stored already, and the next attempt must look for them.
    if (result.kind === "emit-failed") attempt.emittedSinceMs ??= attempt.delivery.storedAtMs;
    return this.#finish(attempt, decideOutcome(result, attempt));
  }

  /** Settles the attempt and ends its telemetry. Every attempt leaves the pipeline here. */
  #finish(attempt: Attempt, outcome: Outcome): MaybePromise<Outcome> {
    const { settler, observer } = this.ports, { delivery, claim, batch } = attempt;
    batch?.leave(attempt);
    // Frees the permit of an attempt that did not run. After a run the verdict is reported already.
    attempt.permit?.report("ignored");
    const usedUp = attempt.usedUpAfter(outcome);
    return then(settler.settle(this.fn.name, delivery, outcome, usedUp, claim), (settlement) => {
      observer.end(attempt, outcome, settlement);
      return outcome;
    });
  }
}
