import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import type { Consumer, ConsumerSink } from "../../runtime/engine/consumer.ts";
import { withTimeout } from "../../runtime/nats/client/with_timeout.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import { WITHIN_MS } from "./eventually.ts";
import { textOf } from "../../runtime/nats/consume/answers.ts";

/** A sink that keeps what it is handed until it is told to let go of it. */
export class HoldingSink implements ConsumerSink {
  readonly held: Delivery[] = [];
  /** Every sequence ever handed over, in that order. */
  readonly sequences: number[] = [];
  /** The most it held at once. */
  most = 0;
  #onDelivery: () => void = () => {};

  constructor(readonly limit: number) {}

  closed(): boolean {
    return false;
  }

  credits(): number {
    return this.limit - this.held.length;
  }

  deliver(delivery: Delivery): void {
    this.held.push(delivery);
    this.sequences.push(delivery.sequence);
    this.most = Math.max(this.most, this.held.length);
    this.#onDelivery();
  }

  /** Resolves once it holds that many. */
  holds(count: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#onDelivery = () => {
        if (this.held.length >= count) resolve();
      };
      this.#onDelivery();
    });
    return withTimeout(systemClock, WITHIN_MS, enough);
  }

  /** Calls back with every delivery, after it is held. */
  onDelivery(callback: () => void): void {
    this.#onDelivery = callback;
  }

  /** Acknowledges the first so many and tells the source that there is room. */
  letGo(count: number, nc: NatsConnection, source: Consumer): void {
    for (const { ackSubject } of this.held.splice(0, count)) nc.publish(textOf(ackSubject), "+ACK");
    source.wake();
  }
}

/** A sink that acknowledges at once, and remembers what it saw. */
export class SettlingSink implements ConsumerSink {
  readonly seen = new Set<number>();
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(readonly nc: NatsConnection) {}

  closed(): boolean {
    return false;
  }

  credits(): number {
    return 16;
  }

  deliver({ sequence, ackSubject }: Delivery): void {
    this.nc.publish(textOf(ackSubject), "+ACK");
    this.seen.add(sequence);
    if (this.#waiting && this.seen.size >= this.#waiting.count) this.#waiting.resolve();
  }

  /** Resolves once it has seen that many different messages. */
  saw(count: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      if (this.seen.size >= count) resolve();
      else this.#waiting = { count, resolve };
    });
    return withTimeout(systemClock, WITHIN_MS, enough);
  }
}

/** A sink that hands its deliveries on one by one. */
export class QueueSink implements ConsumerSink {
  readonly #deliveries: Delivery[] = [];
  readonly #waiting: ((delivery: Delivery) => void)[] = [];

  closed(): boolean {
    return false;
  }

  credits(): number {
    return 16;
  }

  deliver(delivery: Delivery): void {
    const take = this.#waiting.shift();
    if (take) take(delivery);
    else this.#deliveries.push(delivery);
  }

  /** The next delivery, in the order they came. */
  next(): Promise<Delivery> {
    const delivery = this.#deliveries.shift();
    if (delivery) return Promise.resolve(delivery);
    return withTimeout(systemClock, WITHIN_MS, new Promise((resolve) => this.#waiting.push(resolve)));
  }
}
