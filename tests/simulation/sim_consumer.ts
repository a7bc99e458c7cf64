import type { Clock } from "../../runtime/engine/clock.ts";
import type { Consumer, ConsumerSink } from "../../runtime/engine/consumer.ts";
import { DeliveryParser } from "../../runtime/nats/consume/parse_delivery.ts";
import type { Pin } from "../../runtime/nats/consume/pin.ts";
import type { ModelDelivery } from "./consumer_model.ts";
import type { SimConnection } from "./sim_connection.ts";
import { consumerKey, consumerName } from "./sim_partitions.ts";
import { toMsg } from "./wire.ts";

/**
 * Pulls from one consumer of the model as `PullConsumer` does. It pulls as many messages as its sink has credits, and
 * takes ahead. A message may arrive when the sink has none left. `stop` waits for the messages in transit.
 */
export class SimConsumer implements Consumer {
  /** The number of messages that were requested and have not been sent. */
  pulled = 0;
  /** The pin with which they were requested. The server delivers none of them to a process with another one. */
  pulledAs: string | undefined;
  readonly inTransit: ModelDelivery[] = [];
  /** Key of the consumer among those of the server. */
  readonly key: string;
  readonly #parser: DeliveryParser;
  #sink: ConsumerSink | undefined;
  #stopped: (() => void) | undefined;
  /** Messages that are to arrive before a flush resolves, by flush. */
  #flushes: { left: number; readonly resolve: () => void }[] = [];

  constructor(
    readonly connection: SimConnection,
    readonly clock: Pick<Clock, "now">,
    readonly stream: string,
    readonly pin?: Pin,
    partition?: number,
  ) {
    this.#parser = new DeliveryParser(stream, consumerName(partition));
    this.key = consumerKey(stream, partition);
  }

  start(sink: ConsumerSink): void {
    this.#sink = this.pin?.around(sink) ?? sink;
    this.wake();
  }

  wake(): void {
    if (this.#stopped || !this.#sink || this.connection.state !== "up") return;
    if (this.pulledAs !== this.pin?.id) {
      this.pulledAs = this.pin?.id;
      this.pulled = 0;
    }
    const wanted = this.#sink.credits() + this.#sink.ahead(this.clock.now(), Infinity);
    this.pulled = Math.max(this.pulled, wanted - this.inTransit.length);
  }

  /** Runs the periodic check of `PullConsumer`: a paused sink cancels the pull. */
  check(): void {
    if (this.#sink?.paused()) this.pulled = 0;
    this.wake();
  }

  /** The server answers that another process has the pin. */
  refused(): void {
    this.pulled = 0;
    this.pin!.answered(423, "");
    this.wake();
  }

  /** Pulls by a new inbox, after a reconnect. */
  resubscribe(): void {
    this.pin?.resubscribed();
    this.wake();
  }

  /** Resolves once the messages that are in transit now have arrived, or are dropped. */
  flush(): Promise<void> {
    if (this.inTransit.length === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#flushes.push({ left: this.inTransit.length, resolve }));
  }

  /** Drops the messages in transit and the pull. */
  drop(): void {
    for (const { resolve } of this.#flushes.splice(0)) resolve();
    this.pulled = this.inTransit.length = 0;
    this.#stopped?.();
  }

  /** Delivers the first message in transit. */
  deliverNext(): void {
    const { message, reply, pin } = this.inTransit.shift()!;
    this.#sink!.deliver(this.#parser.parse(toMsg(message, reply, pin))!);
    for (const flush of this.#flushes) if (--flush.left === 0) flush.resolve();
    this.#flushes = this.#flushes.filter(({ left }) => left > 0);
    if (this.inTransit.length === 0) this.#stopped?.();
    this.wake();
  }

  stop(): Promise<void> {
    this.pulled = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stopped = () => {
      this.pin?.stop();
      resolve();
    };
    if (this.inTransit.length === 0) this.#stopped();
    return promise;
  }

  problem(): undefined {
    return undefined;
  }
}
