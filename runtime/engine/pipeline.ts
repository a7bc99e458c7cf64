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
import { type ResolvedTrigger, schemaOf, triggerFor } from "../project/resolve_function.ts";
import type { FunctionPolicy } from "../project/resolve_policy.ts";
import { Attempt } from "./attempt.ts";
import type { BatchRunner } from "./batch_runner.ts";
import type { BreakerAnswer } from "./circuit_breaker.ts";
import { debounceEvent, mustWait } from "./debounce.ts";
import { publishDue, storeEffects } from "./effects.ts";
import { filterEvent } from "./event_filter.ts";
import { resultOfThrown } from "./handler_runner.ts";
import { claimEvent, claimToConfirm, IdempotencyKeyError, needsConfirmation } from "./idempotency.ts";
import type { KeyedOrder } from "./keyed_order.ts";
import { UNLIMITED } from "./leases.ts";
import { type MaybePromise, then } from "./maybe_promise.ts";
import { PipelineParts } from "./pipeline_parts.ts";
import { checkTurn, settleInOrder, takeTurn } from "./turns.ts";

const LEASE_EXPIRED: Outcome = { kind: "lease-expired" };

/** A delivery's way: turn → read → check → filter → debounce → share → rate → admit → claim → run → decide → finish. */
export class Pipeline extends PipelineParts {
  /** Schema of the event of each trigger that has one. */
  readonly #schemas = new Map<ResolvedTrigger, BoundSchema>();

  constructor(...given: ConstructorParameters<typeof PipelineParts>) {
    super(...given);
    for (const trigger of this.fn.triggers) {
      const schema = schemaOf(trigger);
      if (schema) this.#schemas.set(trigger, schema);
    }
  }

  /** Creates the record of a delivery. @param lease Default: a lease that never expires. */
  newAttempt(delivery: Delivery, lease = UNLIMITED): Attempt {
    const attempt = new Attempt(this.fn, this.ports.clock, delivery, lease), order = this.orderOf(attempt);
    if (order) this.#decode(attempt);
    order?.arrived(attempt);
    return attempt;
  }

  /** Takes an attempt to its settlement, synchronously when nothing has to be waited for. Never rejects. */
  handle(attempt: Attempt): MaybePromise<Outcome> {
    const order = this.orderOf(attempt);
    if (order) return this.#takeTurn(order, attempt);
    this.#decode(attempt);
    return attempt.isCounted
      ? this.#enter(attempt)
      : attempt.readCounts(this.ports.attempts).then(() => this.#enter(attempt));
  }

  /** Gives back a delivery that has not begun: at shutdown, or because it was pulled ahead and cannot begin soon. */
  giveBack(attempt: Attempt, reason: GiveBackReason): MaybePromise<Outcome> {
    return this.#giveBack(attempt, giveBack(reason));
  }

  #giveBack(attempt: Attempt, outcome: Outcome): MaybePromise<Outcome> {
    this.#decode(attempt);
    this.ports.observer.begin(attempt);
    return then(attempt.lease.isValid(), (isValid) => {
      // Once the lease has expired another process may own the delivery, and a nak would take it from there.
      return this.#finish(attempt, isValid ? outcome : LEASE_EXPIRED);
    });
  }

  async #takeTurn(order: KeyedOrder, attempt: Attempt): Promise<Outcome> {
    const wait = await takeTurn(order, this.ports, attempt);
    return await (wait ? this.#giveBack(attempt, wait) : this.#enter(attempt));
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
    const order = this.orderOf(attempt);
    try {
      if (!await collector.collect(attempt)) return await this.giveBack(attempt, "shutdown");
      const refusal = order && await checkTurn(order, attempt);
      return await (refusal ? this.#giveBack(attempt, refusal) : this.#begin(attempt));
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
    // Hot path: the observer has just read the clock, see bench.
    return then(attempt.lease.isValid(attempt.startedAtMs), (isValid) => {
      if (!isValid) return this.#finish(attempt, LEASE_EXPIRED);
      const refusal = this.#check(attempt);
      if (refusal) return this.#refuse(attempt, refusal);
      return this.fn.policy.where ? this.#filter(attempt, this.fn.policy.where) : this.#takeShare(attempt);
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
      (outcome) => outcome ? this.#refuse(attempt, outcome) : this.#takeShare(attempt),
    );
  }

  /** Postpones an event of a burst, or waits for the share of its key, if the function has `debounce` or shares. */
  #takeShare(attempt: Attempt): MaybePromise<Outcome> {
    const { policy: { debounce } } = this.fn,
      { pending } = this.ports,
      refusal = this.orderOf(attempt)?.refusal(attempt);
    if (refusal) return this.#refuse(attempt, refusal);
    if (debounce && pending && this.#isDebounced(attempt)) {
      return debounceEvent(pending, debounce, attempt).then((outcome) => this.#refuse(attempt, outcome));
    }
    if (!this.shares) return this.#takeStart(attempt);
    const refuse = (outcome: Outcome) => this.#finish(attempt, outcome);
    // While a breaker admits a probe alone, an attempt that cannot begin gives way, so that one of another key makes it.
    const mayWait = this.permits() === Infinity;
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
    const { rate } = this;
    return (attempt.batch?.takeStart(attempt, rate) ?? rate.take(attempt)).then(async (refusal) => {
      if (!await attempt.lease.isValid()) return await this.#finish(attempt, LEASE_EXPIRED);
      return await (refusal ? this.#finish(attempt, refusal) : this.#admit(attempt));
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
    if (await attempt.lease.isValid()) return await this.#answered(attempt, answer);
    if (answer.admitted) attempt.permit = answer;
    return await this.#finish(attempt, LEASE_EXPIRED);
  }

  #answered(attempt: Attempt, answer: BreakerAnswer): MaybePromise<Outcome> {
    if (!answer.admitted) return this.#finish(attempt, deferForBreaker("breaker-open", answer.retryAtMs, attempt));
    attempt.permit = answer;
    // Stays synchronous if possible. During an await another handler may block the thread until the lease expires.
    return this.fn.policy.idempotency || attempt.storesStart ? this.#storeBeforeRun(attempt) : this.#run(attempt);
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
    const outcome = decideOutcome(result, attempt);
    if (outcome.kind === "ack") return this.#finish(attempt, outcome);
    return then(attempt.lease.isValid(), (isValid) => { // if not, another process may have stored what it emits
      if (!isValid) attempt.emittedSinceMs ??= attempt.delivery.storedAtMs;
      return this.#finish(attempt, outcome);
    });
  }

  /** Settles the attempt and ends its telemetry. Every attempt leaves the pipeline here. */
  #finish(attempt: Attempt, outcome: Outcome): MaybePromise<Outcome> {
    const { settler, observer } = this.ports, { delivery, claim, batch } = attempt, order = this.orderOf(attempt);
    batch?.leave(attempt);
    // Frees the permit of an attempt that did not run. After a run the verdict is reported already.
    attempt.permit?.report("ignored");
    if (order) return settleInOrder(order, this.ports, attempt, outcome);
    const usedUp = attempt.usedUpAfter(outcome);
    return then(settler.settle(this.fn.name, delivery, outcome, usedUp, claim), (settlement) => {
      observer.end(attempt, outcome, settlement);
      return outcome;
    });
  }
}
