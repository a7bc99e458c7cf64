import { systemClock } from "../../runtime/engine/system_clock.ts";
import type { ServerClock } from "../../runtime/engine/clock.ts";
import { NatsAttemptStore } from "../../runtime/nats/retry/nats_attempt_store.ts";
import { DeadLetters } from "../../runtime/nats/dead_letters/dead_letters.ts";
import { JetStreamPublisher } from "../../runtime/nats/publish/jetstream_publisher.ts";
import { LateDedup } from "../../runtime/nats/publish/late_dedup.ts";
import { PullConsumer } from "../../runtime/nats/consume/pull_consumer.ts";
import { RetryStream } from "../../runtime/nats/retry/retry_stream.ts";
import { NatsSettler } from "../../runtime/nats/consume/settle.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { type Orders, startOrders } from "./orders.ts";
import { QueueSink } from "./sinks.ts";

/** A settler, and deliveries of the function `handle` to settle. */
export interface Settling extends Orders {
  readonly settler: NatsSettler;
  readonly deadLetters: DeadLetters;
  readonly attempts: NatsAttemptStore;
  readonly publisher: JetStreamPublisher;
  readonly source: PullConsumer;
  /** Resolves to the next delivery. */
  next(): Promise<Delivery>;
}

/** @param clock the clock of the publisher and the settler */
export async function startSettling(clock: ServerClock = systemClock): Promise<Settling> {
  const orders = await startOrders();
  const publisher = new JetStreamPublisher(orders.nc, clock);
  const deadLetters = new DeadLetters(publisher, new LateDedup(orders.nc, orders.jsm, clock));
  const attempts = await NatsAttemptStore.open(orders.nc, 1);
  const settler = new NatsSettler({
    nc: orders.nc,
    monitor: publisher.monitor,
    deadLetters,
    attempts,
    retries: new RetryStream(publisher),
    jsm: orders.jsm,
    clock,
  });
  const queue = new QueueSink();
  const source = new PullConsumer(orders.nc, "ORDERS", "handle", systemClock);
  orders.defer(async () => {
    settler.giveUp();
    publisher.close();
    await source.stop();
  });
  source.start(queue);
  return { ...orders, settler, deadLetters, attempts, publisher, source, next: () => queue.next() };
}

/** The outcome of a handler that rejected its event. */
export function rejected(message: string): Outcome & { kind: "dead-letter" } {
  return { kind: "dead-letter", reason: "rejected", attempts: 1, error: { name: "NonRetryableError", message } };
}
