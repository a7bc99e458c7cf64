import type { ConsumerInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ServerOptions } from "../../runtime/nats_server/server.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { type Broker, startBroker } from "./nats.ts";
import { desired } from "./desired.ts";

/** A server with the stream ORDERS, the streams of Weir, and a durable consumer of one function, `handle`. */
export interface Orders extends Broker {
  /** Publishes orders, and resolves once the server has all of them. */
  publish(count: number, nc?: NatsConnection): Promise<void>;
  /** Fetches the info of the durable consumer. */
  consumer(): Promise<ConsumerInfo>;
  /** Creates missing streams and the consumer. */
  ensure(): Promise<unknown>;
}

const STREAM = { name: "ORDERS", subjects: ["orders.>"] };
const DURABLE = { functionName: "handle", consumer: "handle", stream: "ORDERS", filters: ["orders.>"] };

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
