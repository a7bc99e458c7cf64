import { systemClock } from "../../runtime/clock.ts";
import type { Clock } from "../../runtime/flow/ports.ts";
import { AttemptStore } from "../../runtime/nats/attempts.ts";
import { DeadLetters } from "../../runtime/nats/dead_letters.ts";
import { JetStreamStore } from "../../runtime/nats/jetstream_store.ts";
import { LateDuplicates } from "../../runtime/nats/late_duplicates.ts";
import { PullSource } from "../../runtime/nats/pull_source.ts";
import { RetryLane } from "../../runtime/nats/retry_lane.ts";
import { NatsSettler } from "../../runtime/nats/settle.ts";
import type { Delivery } from "../../runtime/nouns/delivery.ts";
import type { Outcome } from "../../runtime/nouns/outcome.ts";
import { type Orders, startOrders } from "./orders.ts";
import { QueueSink } from "./sinks.ts";

/** A settler and the deliveries to settle, of the function `handle`. */
export interface Settling extends Orders {
  readonly settler: NatsSettler;
  readonly deadLetters: DeadLetters;
  readonly attempts: AttemptStore;
  readonly store: JetStreamStore;
  readonly source: PullSource;
  /** The next delivery, however long it takes. */
  next(): Promise<Delivery>;
}

/** @param clock of the store and the settler */
export async function startSettling(clock: Clock = systemClock): Promise<Settling> {
  const orders = await startOrders();
  const store = new JetStreamStore(orders.nc, clock);
  const deadLetters = new DeadLetters(store, new LateDuplicates(orders.nc, orders.jsm, clock));
  const attempts = await AttemptStore.open(orders.nc, 1);
  const settler = new NatsSettler(orders.nc, deadLetters, attempts, new RetryLane(store), orders.jsm, clock);
  const queue = new QueueSink();
  const source = new PullSource(orders.nc, "ORDERS", "handle", systemClock);
  orders.defer(async () => {
    settler.giveUp();
    store.close();
    await source.stop();
  });
  source.start(queue);
  return { ...orders, settler, deadLetters, attempts, store, source, next: () => queue.next() };
}

/** The outcome of a handler that rejected its event. */
export function rejected(message: string): Outcome & { kind: "dead-letter" } {
  return { kind: "dead-letter", reason: "rejected", attempts: 1, error: { name: "NonRetryableError", message } };
}
