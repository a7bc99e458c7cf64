import type { Delivery } from "../core/delivery.ts";
import type { Attempt } from "./attempt.ts";
import type { Consumer, ConsumerSink } from "./consumer.ts";
import type { Leases } from "./leases.ts";
import { NewestDelivery } from "./newest_delivery.ts";
import type { Pipeline } from "./pipeline.ts";
import { Slots } from "./slots.ts";

const NO_SUBJECT = new Uint8Array();

/**
 * Dispatches one function's deliveries to its pipeline, up to its concurrency. Each of the function's consumers asks
 * for as many deliveries as can begin. Several consumers together may deliver more: the rest waits. The dispatcher
 * keeps the leases of all held deliveries. At shutdown it gives back the deliveries that have not begun.
 */
export class Dispatcher implements ConsumerSink {
  /** Attempts that run asynchronously, or wait for a slot or to be given back. */
  readonly #held = new Slots<Attempt>();
  readonly #newest = new NewestDelivery();
  /** Attempts of deliveries that arrived together and have not begun. */
  readonly #arrived: Attempt[] = [];
  readonly #waiting: Attempt[] = [];
  /** Attempts that arrived while admission was limited. Each uses one of the permits. */
  readonly #limited = new Set<Attempt>();
  #running = 0;
  #isStarting = false;
  #isStopping = false;
  #cancelExtending: () => void = () => {};
  #idle: () => void = () => {};

  /**
   * @param extendMs Interval of in-progress acks, in milliseconds.
   * @param maxBytes Payload bytes that the dispatcher may hold. The last message may exceed them. Default: no limit.
   */
  constructor(
    readonly pipeline: Pipeline,
    readonly consumers: readonly Consumer[],
    readonly extendMs: number,
    readonly leases: Leases,
    readonly maxBytes: number = Infinity,
  ) {
    pipeline.admission.onMorePermits(() => this.#wake());
  }

  /** Number of deliveries that are being handled, or wait for it. */
  get inFlight(): number {
    return this.#held.size + this.#arrived.length;
  }

  start(): void {
    this.#extendPeriodically();
    for (const consumer of this.consumers) consumer.start(this);
  }

  credits(): number {
    if (this.#isStopping) return 0;
    const free = this.pipeline.fn.policy.concurrency - this.inFlight;
    const permits = this.pipeline.admission.credits(this.#limited.size, this.#arrived.length);
    return Math.max(0, Math.min(free, permits));
  }

  room(): number {
    if (this.maxBytes === Infinity) return Infinity;
    const attempts = [...this.#held, ...this.#arrived];
    return attempts.reduce((room, { delivery }) => room - delivery.payload.length, this.maxBytes);
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
    const attempt = this.pipeline.newAttempt(delivery, this.leases.take(delivery.ackSubject));
    if (this.#arrived.push(attempt) > 1) return;
    queueMicrotask(() => {
      for (const attempt of this.#arrived.splice(0)) this.#begin(attempt);
    });
  }

  /**
   * Stops pulling, lets running handlers finish for up to `graceMs`, and gives back the rest. Resolves when nothing is
   * held any more.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const { admission, runner, ports: { clock } } = this.pipeline;
    admission.close();
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
    for (const attempt of this.#waiting.splice(0)) void this.#giveBack(attempt);
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

  #begin(attempt: Attempt): void {
    if (this.pipeline.admission.permits() !== Infinity) this.#limited.add(attempt);
    if (this.#isStopping) {
      this.#held.add(attempt);
      void this.#giveBack(attempt);
    } else if (this.#running < this.pipeline.fn.policy.concurrency) this.#run(attempt);
    else {
      this.#held.add(attempt);
      this.#waiting.push(attempt);
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

  /** Fills the free slots. Attempts that end synchronously run one after the other, not nested. */
  #runWaiting(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#waiting.length > 0 && this.#running < this.pipeline.fn.policy.concurrency) {
      this.#run(this.#waiting.shift()!);
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
    this.#release(attempt);
  }

  async #giveBack(attempt: Attempt): Promise<void> {
    await this.pipeline.giveBack(attempt);
    this.#release(attempt);
  }

  #release(attempt: Attempt): void {
    this.#held.delete(attempt);
    if (this.#limited.size > 0) this.#limited.delete(attempt);
    attempt.lease.release();
    if (this.#waiting.length > 0) this.#runWaiting();
    else this.#wake();
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
