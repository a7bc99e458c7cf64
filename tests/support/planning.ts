import { jetstream, type JetStreamManager } from "@nats-io/jetstream";
import type { ResolvedStream } from "../../runtime/project/resolve_streams.ts";
import { ATTEMPTS } from "../../runtime/nats/retry/resources.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { planCluster } from "../../runtime/nats/topology/plan_cluster.ts";
import type { DesiredState, Durable } from "../../runtime/nats/topology/resources.ts";
import type { Step } from "../../runtime/nats/topology/step.ts";
import { type Broker, startBroker } from "./nats.ts";
import { desired } from "./desired.ts";

export const ORDERS: ResolvedStream = { name: "ORDERS", subjects: ["orders.>"] };
export const SHIP: Durable = { functionName: "ship", consumer: "ship", stream: "ORDERS", filters: ["orders.paid"] };
export const SHIP_RETRIES: Durable = {
  functionName: "ship",
  consumer: "ship",
  stream: "RETRIES",
  filters: ["retries.due.ship.>", "retries.redriven.ship.>"],
};
/** The desired state of a project with one function, `ship`. */
export const DESIRED = desiredWith([ORDERS]);

/** Returns the desired state of `ship` with these event streams. */
export function desiredWith(streams: readonly ResolvedStream[], durables: readonly Durable[] = [SHIP, SHIP_RETRIES]) {
  return desired(streams, durables, { buckets: [ATTEMPTS] });
}

export interface Planning extends Broker {
  /** Returns the steps of the plan, without those that change nothing. */
  plan(desired?: DesiredState, functionNames?: readonly string[]): Promise<Step[]>;
  ensure(desired?: DesiredState): ReturnType<typeof ensureTopology>;
  store(subject: string, count?: number): Promise<void>;
  /** Fetches `count` messages and acks the first `settled` of them. Resolves to the sequences of all. */
  take(stream: string, consumer: string, count: number, settled: number): Promise<number[]>;
}

export async function startPlanning(): Promise<Planning> {
  const broker = await startBroker(), { nc, jsm } = broker, js = jetstream(nc);
  return {
    ...broker,
    plan: async (desired = DESIRED, names = ["ship"]) =>
      (await planCluster(nc, jsm, desired, names)).filter(({ kind }) => kind !== "same"),
    ensure: (desired = DESIRED) => ensureTopology(jsm, desired),
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

/** Returns the info of every stream and consumer, without the time of the response. */
export async function everything(jsm: JetStreamManager): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const stream of jsm.streams.list()) {
    all.push(stream, ...await Array.fromAsync(jsm.consumers.list(stream.config.name)));
  }
  return all.map((one) => ({ ...one as { ts?: string }, ts: undefined }));
}
