import type { Delivery } from "../core/delivery.ts";
import type { Attempt } from "./attempt.ts";
import type { GiveBackReason } from "../core/decide_outcome.ts";
import type { Consumer, ConsumerSink } from "./consumer.ts";
import type { Leases } from "./leases.ts";
import type { Pipeline } from "./pipeline.ts";
import { NO_PREFETCH, Prefetch } from "./prefetch.ts";
import { PrefetchMark } from "./prefetch_mark.ts";
import { WaitingAttempts } from "./waiting_attempts.ts";

const NO_SUBJECT = new Uint8Array();

/**
 * Dispatches one function's deliveries to its pipeline, up to its concurrency. Each of its consumers asks for as many as
 * can begin, and of a backlog for those that will begin in a moment: they wait, as do those that several consumers
 * deliver together. The dispatcher keeps the leases of all that it holds.
 * It gives back what cannot begin soon, and at shutdown all that has not begun.
 */
export class Dispatcher implements ConsumerSink {
  /** Attempts that run asynchronously, or wait for a slot or to be given back, by message key. */
  readonly #held = new Map<string, Attempt>();
  /** Attempts of deliveries that arrived together and have not begun. */
  readonly #arrived: Attempt[] = [];
  readonly #waiting: WaitingAttempts;
  /** Attempts that arrived while admission was limited: each uses one of its permits. */
  readonly #limited = new Set<Attempt>();
  readonly #prefetch: Prefetch;
  readonly #mark: PrefetchMark;
  /** Attempts that are still to end before the consumers are woken, while others wait. */
  #untilWake = 0;
  #running = 0;
  #isStarting = false;
  #isStopping = false;
  #cancelExtending: () => void = () => {};
  #idle: () => void = () => {};

  /**
   * @param extendMs Interval of in-progress acks, in milliseconds.
   * @param maxBytes Payload bytes that it may hold; one message more may exceed them. Default: any number.
   * @param limit What may wait beyond that which can begin. Default: nothing.
   */
  constructor(
    readonly pipeline: Pipeline,
    readonly consumers: readonly Consumer[],
    readonly extendMs: number,
    readonly leases: Leases,
    readonly maxBytes: number = Infinity,
    readonly limit = NO_PREFETCH,
  ) {
    this.#waiting = new WaitingAttempts(pipeline.ports.clock, (attempt) => void this.#giveBack(attempt, "prefetched"));
    this.#mark = new PrefetchMark(pipeline.fn.name, pipeline.ports.attempts, () => this.#wake());
    this.#prefetch = new Prefetch(pipeline.fn.policy.concurrency, limit.deliveries);
    pipeline.admission.onMorePermits(() => this.#wake());
  }

  /** Number of deliveries that are being handled, or wait for it. */
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
    const free = this.pipeline.fn.policy.concurrency - this.inFlight;
    const permits = this.pipeline.admission.permits() - this.#limited.size - this.#arrived.length;
    return Math.max(0, Math.min(free, permits));
  }

  /** A limited admission prefetches nothing: each permit is for a delivery that begins. */
  ahead(nowMs: number, most: number): number {
    const allowed = this.#prefetch.allowed(nowMs, this.inFlight === 0);
    this.#untilWake = allowed / 4;
    const waiting = Math.max(0, this.inFlight - this.pipeline.fn.policy.concurrency);
    const ahead = Math.min(most, allowed - waiting);
    if (ahead <= 0 || this.#isStopping || this.pipeline.admission.permits() !== Infinity) return 0;
    return this.#mark.isStored(nowMs) ? ahead : 0;
  }

  room(): number {
    if (this.maxBytes === Infinity) return Infinity;
    const attempts = [...this.#held.values(), ...this.#arrived];
    return attempts.reduce((room, { delivery }) => room - delivery.payload.length, this.maxBytes);
  }

  roomAhead(): number {
    return this.limit.bytes - this.#waiting.bytes;
  }

  paused(): boolean {
    return this.#isStopping || this.pipeline.admission.permits() === 0;
  }

  /**
   * Takes a lease for every delivery that arrives together before any begins. A handler may block the thread for long:
   * a delivery without a lease would be redelivered to another replica or use up an attempt.
   */
  deliver(delivery: Delivery): void {
    if (this.#renewIfHeld(delivery)) return;
    if (this.limit.deliveries > 0 && this.inFlight === 0) this.#prefetch.resumed(this.pipeline.ports.clock.now());
    const attempt = this.pipeline.newAttempt(delivery, this.leases.take(delivery.ackSubject));
    if (this.#arrived.push(attempt) === 1) queueMicrotask(() => this.#beginArrived());
  }

  /**
   * Stops pulling, lets running handlers finish for up to `graceMs`, and gives back the rest. Resolves when nothing is
   * held any more.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const { admission, runner, ports: { clock } } = this.pipeline;
    admission.close();
    for (const attempt of this.#waiting.takeAll()) void this.#giveBack(attempt, "shutdown");
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
    const cancel = clock.timer(graceMs, () => runner.abortAll());
    if (this.inFlight > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    cancel();
    this.#cancelExtending();
    runner.abortAll();
  }

  /**
   * Leaves the held messages of a stream unsettled, since the stream was deleted: an ack names only a position, which is
   * another message's in a stream that is created again. Their handlers go on.
   *
   * @param beforeMs Time from which on messages are those of the new stream, in milliseconds since 1970.
   */
  forgetStream(stream: string, beforeMs: number): void {
    for (const { delivery, lease } of [...this.#held.values(), ...this.#arrived]) {
      const [name, , nanos] = delivery.messageKey.split(".");
      if (name !== stream || Number(nanos) / 1e6 >= beforeMs) continue;
      lease.release();
      delivery.ackSubject = NO_SUBJECT;
    }
  }

  /**
   * Begins no more at once than there are slots. The acks of those that end synchronously leave before the next begin: one
   * of them may block the thread for longer than the ack wait.
   */
  #beginArrived(): void {
    for (const attempt of this.#arrived.splice(0, this.pipeline.fn.policy.concurrency)) this.#begin(attempt);
    if (this.#arrived.length > 0) queueMicrotask(() => this.#beginArrived());
  }

  #begin(attempt: Attempt): void {
    if (this.#renewIfHeld(attempt.delivery)) return attempt.lease.release(); // delivered twice, together
    if (this.pipeline.admission.permits() !== Infinity) this.#limited.add(attempt);
    if (this.#isStopping) {
      this.#hold(attempt);
      void this.#giveBack(attempt, "shutdown");
    } else if (this.#running < this.pipeline.fn.policy.concurrency) this.#run(attempt);
    else {
      this.#hold(attempt);
      this.#waiting.add(attempt);
    }
  }

  /**
   * Renews the attempt of a message that is held already, under the newest ack subject, and returns whether it is held.
   * The delivery count does not tell: a consumer that was deleted and created again starts at one.
   */
  #renewIfHeld({ messageKey, ackSubject }: Delivery): boolean {
    const held = this.#held.size > 0 && this.#held.get(messageKey);
    if (!held) return false;
    held.delivery.ackSubject = ackSubject;
    held.lease.renew(ackSubject);
    return true;
  }

  /** Fills the free slots. Attempts that end synchronously run one after the other, not nested. */
  #runWaiting(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#waiting.count > 0 && this.#running < this.pipeline.fn.policy.concurrency) {
      this.#run(this.#waiting.take()!);
    }
    this.#isStarting = false;
  }

  #run(attempt: Attempt): void {
    this.#running++;
    let outcome: unknown;
    try {
      outcome = this.pipeline.handle(attempt);
    } catch (error) {
      // A defect of the pipeline. Thrown from here, it would keep attempts that arrived with this one from beginning.
      outcome = Promise.reject(error);
    }
    if (!(outcome instanceof Promise)) return this.#ended(attempt);
    this.#hold(attempt);
    void outcome.then(() => this.#ended(attempt), (error) => {
      // A defect of the pipeline as well. The permit of a half-open breaker's only probe would stop the function for good.
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

  /** Hot path: only an attempt that does not end at once is put into the map, see bench. */
  #hold(attempt: Attempt): void {
    this.#held.set(attempt.delivery.messageKey, attempt);
  }

  async #giveBack(attempt: Attempt, reason: GiveBackReason): Promise<void> {
    await this.pipeline.giveBack(attempt, reason);
    this.#release(attempt);
  }

  #release(attempt: Attempt): void {
    if (this.#held.size > 0) this.#held.delete(attempt.delivery.messageKey);
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
      for (const { delivery } of this.#held.values()) settler.extend(delivery);
      this.#extendPeriodically();
    });
  }
}
