import type { ConsumerInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ServerOptions } from "../../runtime/nats_server/server.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { type Broker, startBroker } from "./nats.ts";
import { desired } from "./desired.ts";

/** A broker with the stream ORDERS, dead letters, and the durable of one function, `handle`, on all of it. */
export interface Orders extends Broker {
  /** Stores that many orders and resolves once they all are. */
  publish(count: number, nc?: NatsConnection): Promise<void>;
  /** What the server knows of the durable. */
  consumer(): Promise<ConsumerInfo>;
  /** Makes what is missing of the streams and the durable. */
  ensure(): Promise<unknown>;
}

const STREAM = { name: "ORDERS", subjects: ["orders.>"] };
const DURABLE = { functionName: "handle", stream: "ORDERS", filters: ["orders.>"] };

export async function startOrders(options: ServerOptions = {}): Promise<Orders> {
  const broker = await startBroker(options);
  const ensure = () => ensureTopology(broker.jsm, desired([STREAM], [DURABLE]));
  await ensure();
  return {
    ...broker,
    ensure,
    publish: async (count, nc = broker.nc) => {
      const before = (await broker.jsm.streams.info("ORDERS")).state.last_seq;
      for (let i = 1; i <= count; i++) nc.publish("orders.created", JSON.stringify({ n: before + i }));
      await nc.flush();
    },
    consumer: () => broker.jsm.consumers.info("ORDERS", "handle"),
  };
}
