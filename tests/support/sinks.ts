import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import type { Consumer, ConsumerSink } from "../../runtime/engine/consumer.ts";
import { withTimeout } from "../../runtime/nats/client/with_timeout.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import { WITHIN_MS } from "./eventually.ts";
import { ackSubjectText } from "../../runtime/nats/consume/parse_delivery.ts";

/** A sink that holds its deliveries until `letGo`. */
export class HoldingSink implements ConsumerSink {
  readonly held: Delivery[] = [];
  /** The sequences of all deliveries, in order. */
  readonly sequences: number[] = [];
  /** Maximum of deliveries held at once. */
  most = 0;
  #onDelivery: () => void = () => {};

  /** @param maxBytes Payload bytes that it may hold. Default: any number. */
  constructor(readonly limit: number, readonly maxBytes: number = Infinity) {}

  paused(): boolean {
    return false;
  }

  ahead(): number {
    return 0;
  }

  roomAhead(): number {
    return 0;
  }

  room(): number {
    return this.held.reduce((room, { payload }) => room - payload.length, this.maxBytes);
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

  /** Acks the first deliveries and wakes the consumer. */
  letGo(count: number, nc: NatsConnection, source: Consumer): void {
    for (const { ackSubject } of this.held.splice(0, count)) nc.publish(ackSubjectText(ackSubject), "+ACK");
    source.wake();
  }
}

/** A sink that acks at once, and remembers the sequences. */
export class SettlingSink implements ConsumerSink {
  readonly seen = new Set<number>();
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(readonly nc: NatsConnection) {}

  paused(): boolean {
    return false;
  }

  credits(): number {
    return 16;
  }

  ahead(): number {
    return 0;
  }

  roomAhead(): number {
    return 0;
  }

  room(): number {
    return Infinity;
  }

  deliver({ sequence, ackSubject }: Delivery): void {
    this.nc.publish(ackSubjectText(ackSubject), "+ACK");
    this.seen.add(sequence);
    if (this.#waiting && this.seen.size >= this.#waiting.count) this.#waiting.resolve();
  }

  /** Resolves once that many different messages were delivered. */
  saw(count: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      if (this.seen.size >= count) resolve();
      else this.#waiting = { count, resolve };
    });
    return withTimeout(systemClock, WITHIN_MS, enough);
  }
}

/** A sink whose deliveries are awaited one by one. */
export class QueueSink implements ConsumerSink {
  readonly #deliveries: Delivery[] = [];
  readonly #waiting: ((delivery: Delivery) => void)[] = [];

  paused(): boolean {
    return false;
  }

  credits(): number {
    return 16;
  }

  ahead(): number {
    return 0;
  }

  roomAhead(): number {
    return 0;
  }

  room(): number {
    return Infinity;
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
