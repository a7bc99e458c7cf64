import type { Delivery } from "../core/delivery.ts";
import { eventsAtOnce } from "../project/batch_policy.ts";
import type { Attempt } from "./attempt.ts";
import type { GiveBackReason } from "../core/decide_outcome.ts";
import type { Consumer, ConsumerSink } from "./consumer.ts";
import type { Leases } from "./leases.ts";
import { NewestDelivery } from "./newest_delivery.ts";
import type { Pipeline } from "./pipeline.ts";
import { NO_PREFETCH, Prefetch } from "./prefetch.ts";
import { PrefetchMark } from "./prefetch_mark.ts";
import { Slots } from "./slots.ts";
import { WaitingAttempts } from "./waiting_attempts.ts";

const NO_SUBJECT = new Uint8Array();

/**
 * Dispatches one function's deliveries to its pipeline, up to the function's concurrency. Each of the function's
 * consumers asks for as many deliveries as can begin, and, if there is a backlog, for those that can begin in a moment.
 * A delivery for which no slot is free waits. The dispatcher keeps the leases of all held deliveries. It gives back
 * deliveries that cannot begin soon, and at shutdown all that have not begun.
 */
export class Dispatcher implements ConsumerSink {
  /** Attempts that run asynchronously, or wait for a slot or to be given back. */
  readonly #held = new Slots<Attempt>();
  readonly #newest = new NewestDelivery();
  /** Attempts of deliveries that arrived together and have not begun. */
  readonly #arrived: Attempt[] = [];
  readonly #waiting: WaitingAttempts;
  /** Attempts that arrived while admission was limited. Each uses one of the permits. */
  readonly #limited = new Set<Attempt>();
  readonly #prefetch: Prefetch;
  readonly #mark: PrefetchMark;
  /** While deliveries wait: attempts that must end before the consumers are woken, a quarter of what may be ahead. */
  #untilWake = 0;
  /** Deliveries that may be handled at once. */
  #atOnce: number;
  #running = 0;
  #isStarting = false;
  #isStopping = false;
  #cancelExtending: () => void = () => {};
  #idle: () => void = () => {};

  /**
   * @param extendMs Interval of in-progress acks, in milliseconds.
   * @param maxBytes Payload bytes that the dispatcher may hold. The last message may exceed them. Default: no limit.
   * @param limit What may wait beyond the deliveries that can begin. Default: nothing.
   */
  constructor(
    readonly pipeline: Pipeline,
    readonly consumers: readonly Consumer[],
    readonly extendMs: number,
    readonly leases: Leases,
    readonly maxBytes: number = Infinity,
    readonly limit = NO_PREFETCH,
  ) {
    this.#atOnce = eventsAtOnce(pipeline.fn.policy);
    this.#waiting = new WaitingAttempts(pipeline.ports.clock, (attempt) => void this.#giveBack(attempt, "prefetched"));
    this.#mark = new PrefetchMark(pipeline.fn.name, pipeline.ports.attempts, () => this.#wake());
    this.#prefetch = new Prefetch(this.#atOnce, limit.deliveries);
    pipeline.admission.onMorePermits(() => this.#wake());
    pipeline.adaptive?.onChange((limit) => this.#atOnce = limit);
  }

  /** Deliveries that are being handled, or wait for it. */
  get inFlight(): number {
    return this.#held.size + this.#arrived.length;
  }

  /** Number of deliveries that are being handled. */
  get running(): number {
    return this.#running;
  }

  start(): void {
    this.#extendPeriodically();
    for (const consumer of this.consumers) consumer.start(this);
  }

  credits(): number {
    if (this.#isStopping) return 0;
    const free = this.#atOnce - this.inFlight;
    return Math.max(0, Math.min(free, this.pipeline.admission.credits(this.#limited.size, this.#arrived.length)));
  }

  /** Deliveries to pull beyond those that can begin. None if an admission is limited: its permits are for those. */
  ahead(nowMs: number, most: number): number {
    const allowed = this.#prefetch.allowed(nowMs, this.inFlight === 0);
    this.#untilWake = allowed / 4;
    const waiting = Math.max(0, this.inFlight - this.#atOnce);
    const ahead = Math.min(most, allowed - waiting);
    if (ahead <= 0 || this.#isStopping || this.pipeline.admission.permits() !== Infinity) return 0;
    return this.#mark.isStored(nowMs) ? ahead : 0;
  }

  room(): number {
    if (this.maxBytes === Infinity) return Infinity;
    const left = (room: number, { delivery }: Attempt) => room - delivery.payload.length;
    return this.#arrived.reduce(left, this.#held.reduce(left, this.maxBytes));
  }

  roomAhead(): number {
    return this.limit.bytes - this.#waiting.bytes;
  }

  paused(): boolean {
    return this.#isStopping || this.pipeline.admission.permits() === 0;
  }

  /**
   * Takes the leases of all deliveries that arrive together before any of them begins. A handler may block the thread
   * for long. A delivery without a lease would meanwhile be redelivered to another replica, or use up an attempt.
   */
  deliver(delivery: Delivery): void {
    if (!this.#newest.isNewer(delivery) && this.#renewIfHeld(delivery)) return;
    if (this.limit.deliveries > 0 && this.inFlight === 0) this.#prefetch.resumed(this.pipeline.ports.clock.now());
    const attempt = this.pipeline.newAttempt(delivery, this.leases.take(delivery.ackSubject));
    if (this.#arrived.push(attempt) === 1) queueMicrotask(() => this.#beginArrived());
  }

  /** Stops pulling, lets handlers run for up to `graceMs`, gives back the rest, and resolves when nothing is held. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const { admission, runner, ports: { clock } } = this.pipeline;
    admission.close();
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
    for (const attempt of this.#waiting.takeAll()) void this.#giveBack(attempt, "shutdown"); // not to an own pull
    this.pipeline.endWaits();
    const cancel = clock.timer(graceMs, () => runner.abortAll());
    if (this.inFlight > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    cancel();
    this.#cancelExtending();
    runner.abortAll();
  }

  /**
   * Leaves the held messages of a deleted stream unsettled. An ack names only a position: once the stream is created
   * again, another message has that position. The handlers go on.
   *
   * @param beforeMs Creation time of the new stream, in milliseconds since 1970. Messages from then on stay held as
   * they are.
   */
  forgetStream(stream: string, beforeMs: number): void {
    for (const { delivery, lease } of [...this.#held, ...this.#arrived]) {
      const [name, , nanos] = delivery.messageKey.split(".");
      if (name !== stream || Number(nanos) / 1e6 >= beforeMs) continue;
      lease.release();
      delivery.ackSubject = NO_SUBJECT;
    }
  }

  /**
   * Begins no more at once than there are slots. The acks of those that end synchronously leave before the next begin:
   * one of them may block the thread for longer than the ack wait.
   */
  #beginArrived(): void {
    for (const attempt of this.#arrived.splice(0, this.#atOnce)) this.#begin(attempt);
    if (this.#arrived.length > 0) queueMicrotask(() => this.#beginArrived());
  }

  #begin(attempt: Attempt): void {
    const permits = this.pipeline.admission.permits();
    // With a rate alone each delivery takes a start of its own, and none of the permits that a breaker gives later.
    if (permits !== Infinity && this.pipeline.admission.countsHeld) this.#limited.add(attempt);
    if (!this.#isStopping && permits === 0 && this.pipeline.isOpen()) {
      this.#held.add(attempt);
      void this.#giveBack(attempt, "refused");
    } else if (!this.#isStopping && this.#running < this.#atOnce) this.#run(attempt);
    else {
      this.#held.add(attempt);
      this.#waiting.add(attempt);
    }
  }

  /**
   * Returns whether a message is held already. If so, renews its attempt with the newest ack subject. The delivery
   * count does not tell a redelivery: after a consumer was deleted and created again, the count starts at one.
   */
  #renewIfHeld({ sequence, messageKey, ackSubject }: Delivery): boolean {
    const isIt = ({ delivery }: Attempt) => delivery.sequence === sequence && delivery.messageKey === messageKey;
    const held = this.#held.find(isIt) ?? this.#arrived.find(isIt);
    if (!held) return false;
    held.delivery.ackSubject = ackSubject;
    held.lease.renew(ackSubject);
    return true;
  }

  /** Fills the free slots, without nesting. What an open breaker would refuse goes back: another replica may run it. */
  #runWaiting(): void {
    if (this.#isStarting || this.#isStopping) return;
    this.#isStarting = true;
    while (this.#waiting.count > 0 && this.#running < this.#atOnce) {
      if (this.pipeline.admission.permits() > 0 || !this.pipeline.isOpen()) this.#run(this.#waiting.take()!);
      else for (const attempt of this.#waiting.takeAll()) void this.#giveBack(attempt, "refused");
    }
    this.#isStarting = false;
  }

  #run(attempt: Attempt): void {
    this.#running++;
    let outcome: unknown;
    try {
      outcome = this.pipeline.handle(attempt);
    } catch (error) {
      // The pipeline has a defect. If the error were thrown here, attempts that arrived together with this attempt
      // would not begin.
      outcome = Promise.reject(error);
    }
    if (!(outcome instanceof Promise)) return this.#ended(attempt);
    this.#held.add(attempt);
    void outcome.then(() => this.#ended(attempt), (error) => {
      // The pipeline has a defect. The attempt may be the only probe of a half-open breaker. If its permit were never
      // reported, the function would stop for good.
      attempt.permit?.report("ignored");
      this.#ended(attempt);
      throw error;
    });
  }

  #ended(attempt: Attempt): void {
    this.#running--;
    this.#prefetch.ended();
    this.#release(attempt);
  }

  async #giveBack(attempt: Attempt, reason: GiveBackReason): Promise<void> {
    await this.pipeline.giveBack(attempt, reason);
    this.#release(attempt);
  }

  #release(attempt: Attempt): void {
    this.#held.delete(attempt);
    if (this.#limited.size > 0) this.#limited.delete(attempt);
    attempt.lease.release();
    if (this.#waiting.count > 0) this.#runWaiting();
    if (this.#waiting.count === 0 || --this.#untilWake <= 0) this.#wake();
    if (this.inFlight === 0) this.#idle();
  }

  #wake(): void {
    if (!this.#isStopping) { for (const consumer of this.consumers) consumer.wake(); }
  }

  #extendPeriodically(): void {
    const { clock, settler } = this.pipeline.ports;
    this.#cancelExtending = clock.timer(this.extendMs, () => {
      for (const { delivery } of this.#held) settler.extend(delivery);
      this.#extendPeriodically();
    });
  }
}
