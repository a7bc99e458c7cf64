import type { Delivery } from "../core/delivery.ts";
import type { Outcome } from "../core/outcome.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Consumer, ConsumerSink, Lease, Leases } from "./ports.ts";

/** A delivery, and what keeps it. */
interface Held {
  readonly delivery: Delivery;
  readonly lease: Lease;
}

/**
 * One function at work: so many deliveries at a time, taken from its sources only as fast as they can begin and
 * as its breakers allow. What it holds it keeps alive at the server, and gives back when it must stop.
 */
export class Dispatcher implements ConsumerSink {
  readonly #held = new Map<string, Held>();
  /** What came in this turn. */
  readonly #fresh: Held[] = [];
  readonly #waiting: Held[] = [];
  /** What came while a gate was not fully open: each is one that a breaker has, or will have, to let through. */
  readonly #onTrial = new Set<Held>();
  #running = 0;
  #starting = false;
  #stopping = false;
  #stopKeepingAlive: () => void = () => {};
  #idle: () => void = () => {};

  /** @param keepAliveMs how often to tell the server that what is held is still worked on */
  constructor(
    readonly pipeline: Pipeline,
    readonly sources: readonly Consumer[],
    readonly keepAliveMs: number,
    readonly leases: Leases,
  ) {
    pipeline.admission.onChange(() => this.#wake());
  }

  /** Deliveries in the handler, or waiting for it. */
  get inFlight(): number {
    return this.#held.size + this.#fresh.length;
  }

  start(): void {
    this.#keepAlive();
    for (const source of this.sources) source.start(this);
  }

  credits(): number {
    if (this.#stopping) return 0;
    const free = this.pipeline.fn.policy.concurrency - this.inFlight;
    const permits = this.pipeline.admission.permits() - this.#onTrial.size - this.#fresh.length;
    return Math.max(0, Math.min(free, permits));
  }

  closed(): boolean {
    return this.#stopping || this.pipeline.admission.permits() === 0;
  }

  /**
   * All that came together is held before the first of it begins: its handler may block the thread for long, and what
   * is not held by then is kept by nobody, and would be with another replica, or have used up an attempt.
   */
  deliver(delivery: Delivery): void {
    if (this.#isHeld(delivery)) return;
    if (this.#fresh.push({ delivery, lease: this.leases.hold(delivery.ackSubject) }) > 1) return;
    queueMicrotask(() => {
      for (const held of this.#fresh.splice(0)) this.#begin(held);
    });
  }

  /**
   * Stops pulling, lets what runs finish for up to `graceMs`, then gives the rest back. Resolves when nothing
   * is held any more.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.pipeline.admission.close();
    await Promise.all(this.sources.map((source) => source.stop()));
    for (const held of this.#waiting.splice(0)) void this.#giveBack(held);
    const { clock } = this.pipeline.ports;
    const cancel = clock.timer(graceMs, () => this.pipeline.runner.giveBackAll());
    if (this.inFlight > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    cancel();
    this.#stopKeepingAlive();
    this.pipeline.runner.giveBackAll();
  }

  #begin(held: Held): void {
    if (this.#isHeld(held.delivery)) return held.lease.release(); // it came twice at once
    if (this.pipeline.admission.permits() !== Infinity) this.#onTrial.add(held);
    if (this.#stopping) {
      this.#keep(held);
      void this.#giveBack(held);
    } else if (this.#running < this.pipeline.fn.policy.concurrency) this.#run(held);
    else {
      this.#keep(held);
      this.#waiting.push(held);
    }
  }

  /**
   * The server took it for lost while it is still being handled here: it is settled once, by its newest name. It is not
   * known by its count: a consumer that was deleted and made anew hands out as a first delivery what it did before.
   */
  #isHeld(delivery: Delivery): boolean {
    const held = this.#held.size > 0 && this.#held.get(delivery.messageKey);
    if (!held) return false;
    held.delivery.ackSubject = delivery.ackSubject;
    held.lease.renew(delivery.ackSubject);
    return true;
  }

  /** As many as may: those that end at once, one after the other, and not one inside the other. */
  #runWaiting(): void {
    if (this.#starting) return;
    this.#starting = true;
    while (this.#waiting.length > 0 && this.#running < this.pipeline.fn.policy.concurrency) {
      this.#run(this.#waiting.shift()!);
    }
    this.#starting = false;
  }

  #run(held: Held): void {
    this.#running++;
    const ended = () => {
      this.#running--;
      this.#release(held);
    };
    let outcome: MaybePromise<unknown>;
    try {
      outcome = this.pipeline.handle(held.delivery, held.lease);
    } catch (error) {
      // A mistake of ours. Thrown on, it would leave what came together with it unbegun.
      outcome = Promise.reject(error);
    }
    if (outcome instanceof Promise) {
      this.#keep(held);
      void outcome.finally(ended);
    } else ended();
  }

  /** Only what outlasts this turn need be found again: to look after each event would cost 0.3 µs. */
  #keep(held: Held): void {
    this.#held.set(held.delivery.messageKey, held);
  }

  async #giveBack(held: Held): Promise<void> {
    const { fn, ports } = this.pipeline;
    // Given back, one that is another's by now would be taken from that one.
    const outcome: Outcome = await held.lease.mine()
      ? { kind: "retry", delayMs: 0, reason: "shutdown", usesAttempt: false }
      : { kind: "lease-expired" };
    await ports.settler.settle(fn.name, held.delivery, outcome);
    this.#release(held);
  }

  #release(held: Held): void {
    if (this.#held.size > 0) this.#held.delete(held.delivery.messageKey);
    if (this.#onTrial.size > 0) this.#onTrial.delete(held);
    held.lease.release();
    if (this.#waiting.length > 0) this.#runWaiting();
    else this.#wake();
    if (this.inFlight === 0) this.#idle();
  }

  #wake(): void {
    if (!this.#stopping) { for (const source of this.sources) source.wake(); }
  }

  #keepAlive(): void {
    const { clock, settler } = this.pipeline.ports;
    this.#stopKeepingAlive = clock.timer(this.keepAliveMs, () => {
      for (const { delivery } of this.#held.values()) settler.extend(delivery);
      this.#keepAlive();
    });
  }
}
