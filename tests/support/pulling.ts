import { systemClock } from "../../runtime/engine/system_clock.ts";
import { PullConsumer } from "../../runtime/nats/consume/pull_consumer.ts";
import { type Orders, startOrders } from "./orders.ts";
import { HoldingSink } from "./sinks.ts";

/** A consumer of `handle` that has not started, and a sink that holds its deliveries. */
interface Pulling extends Orders {
  readonly sink: HoldingSink;
  readonly source: PullConsumer;
}

/**
 * Starts a server with `ORDERS`, and makes a consumer and a sink that has `credits` free slots. @param maxBytes that it
 * may hold
 */
export async function setupPulling(credits: number, maxBytes?: number): Promise<Pulling> {
  const orders = await startOrders();
  const source = new PullConsumer(orders.nc, "ORDERS", "handle", systemClock);
  orders.defer(() => source.stop());
  return { ...orders, sink: new HoldingSink(credits, maxBytes), source };
}
