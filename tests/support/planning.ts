import { jetstream, type JetStreamManager } from "@nats-io/jetstream";
import type { ResolvedStream } from "../../runtime/project/resolve_streams.ts";
import { ATTEMPTS } from "../../runtime/nats/kv/buckets.ts";
import type { Step } from "../../runtime/nats/topology/step.ts";
import { planCluster } from "../../runtime/nats/topology/plan.ts";
import type { Durable } from "../../runtime/nats/topology/plan_consumer.ts";
import type { DesiredState } from "../../runtime/nats/topology/plan_topology.ts";
import { ensureTopology } from "../../runtime/nats/topology/topology.ts";
import { type Broker, startBroker } from "./nats.ts";

export const ORDERS: ResolvedStream = { name: "ORDERS", subjects: ["orders.>"] };
export const SHIP: Durable = { functionName: "ship", stream: "ORDERS", filters: ["orders.paid"] };
export const SHIP_RETRIES: Durable = {
  functionName: "ship",
  stream: "RETRIES",
  filters: ["retries.due.ship.>", "retries.redriven.ship.>"],
};
/** One function, `ship`. */
export const WANTED: DesiredState = { streams: [ORDERS], durables: [SHIP, SHIP_RETRIES], buckets: [ATTEMPTS] };

export interface Planning extends Broker {
  /** What is to be done, without what is as it should be. */
  plan(wanted?: DesiredState, functionNames?: readonly string[]): Promise<Step[]>;
  ensure(wanted?: DesiredState): ReturnType<typeof ensureTopology>;
  store(subject: string, count?: number): Promise<void>;
  /** Has a consumer hand out so many, and settles the first of them. Resolves to what it handed out. */
  take(stream: string, consumer: string, count: number, settled: number): Promise<number[]>;
}

export async function startPlanning(): Promise<Planning> {
  const broker = await startBroker(), { nc, jsm } = broker, js = jetstream(nc);
  return {
    ...broker,
    plan: async (wanted = WANTED, names = ["ship"]) =>
      (await planCluster(nc, jsm, wanted, names)).filter(({ kind }) => kind !== "same"),
    ensure: ({ streams, durables, replicas, buckets } = WANTED) =>
      ensureTopology(jsm, streams, durables, replicas, { buckets }),
    store: async (subject, count = 1) => {
      for (let i = 0; i < count; i++) await js.publish(subject, "{}");
    },
    take: async (stream, consumer, count, settled) => {
      const found = await js.consumers.get(stream, consumer), sequences: number[] = [];
      for await (const message of await found.fetch({ max_messages: count, expires: 5_000 })) {
        if (sequences.push(message.seq) <= settled) await message.ackAck();
      }
      return sequences;
    },
  };
}

/** All that a server says of every stream and consumer, but for its own clock. */
export async function everything(jsm: JetStreamManager): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const stream of jsm.streams.list()) {
    all.push(stream, ...await Array.fromAsync(jsm.consumers.list(stream.config.name)));
  }
  return all.map((one) => ({ ...one as { ts?: string }, ts: undefined }));
}
