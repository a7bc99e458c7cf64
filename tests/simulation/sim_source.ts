import type { Consumer, ConsumerSink } from "../../runtime/engine/consumer.ts";
import { parseDelivery } from "../../runtime/nats/consume/parse_delivery.ts";
import type { Handed } from "./consumer_model.ts";
import type { Link } from "./link.ts";
import { toMsg } from "./wire.ts";

/**
 * Pulls from one consumer of the model, as PullSource does: it asks for what its sink could begin, what it asked for
 * may come when the sink could begin no more, and before it stops it lets come what is on its way.
 */
export class SimSource implements Consumer {
  /** How many messages the server owes it. */
  owed = 0;
  readonly onItsWay: Handed[] = [];
  #sink: ConsumerSink | undefined;
  #stopped: (() => void) | undefined;

  constructor(readonly link: Link, readonly stream: string) {}

  start(sink: ConsumerSink): void {
    this.#sink = sink;
    this.wake();
  }

  wake(): void {
    if (this.#stopped || !this.#sink || this.link.state !== "up") return;
    this.owed = Math.max(this.owed, this.#sink.credits() - this.onItsWay.length);
  }

  /** What it does every second: nothing may begin now, so what it asked for before is not wanted. */
  watch(): void {
    if (this.#sink?.closed()) this.owed = 0;
    this.wake();
  }

  /** What was on its way, and what was asked for, is lost. */
  cut(): void {
    this.owed = this.onItsWay.length = 0;
    this.#stopped?.();
  }

  /** The first message on its way arrives. */
  arrive(): void {
    const { message, reply } = this.onItsWay.shift()!;
    this.#sink!.deliver(parseDelivery(toMsg(message, reply))!);
    if (this.onItsWay.length === 0) this.#stopped?.();
    this.wake();
  }

  stop(): Promise<void> {
    this.owed = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stopped = resolve;
    if (this.onItsWay.length === 0) resolve();
    return promise;
  }

  problem(): undefined {
    return undefined;
  }
}
