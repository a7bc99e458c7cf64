import { z } from "zod";
import type { KubernetesObject } from "../../runtime/app/manifests/kubernetes_object.ts";

const scaledObject = z.object({
  spec: z.object({
    minReplicaCount: z.int(),
    maxReplicaCount: z.int(),
    triggers: z.array(z.object({
      metadata: z.object({
        natsServerMonitoringEndpoint: z.string(),
        account: z.string(),
        stream: z.string(),
        consumer: z.string(),
        lagThreshold: z.string(),
      }),
    })),
  }),
});

const monitoring = z.object({
  account_details: z.array(z.object({
    id: z.string(),
    name: z.string(),
    stream_detail: z.array(z.object({
      name: z.string(),
      state: z.object({ last_seq: z.int() }),
      consumer_detail: z.array(z.object({ name: z.string(), num_pending: z.int(), num_ack_pending: z.int() }))
        .default([]),
    })).default([]),
  })).default([]),
});

/**
 * Returns the pods that KEDA would run now: none while no trigger has lag, else the greatest number that a trigger asks
 * for. It reads what KEDA's scaler `nats-jetstream` reads, and counts as that does.
 */
export async function podsWanted(object: KubernetesObject): Promise<number> {
  const { minReplicaCount, maxReplicaCount, triggers } = scaledObject.parse(object).spec;
  const wanted = await Promise.all(triggers.map(async ({ metadata }) => {
    return Math.ceil(await lagOf(metadata) / Number(metadata.lagThreshold));
  }));
  return Math.min(Math.max(minReplicaCount, ...wanted), maxReplicaCount);
}

type Query = z.infer<typeof scaledObject>["spec"]["triggers"][number]["metadata"];

async function lagOf({ natsServerMonitoringEndpoint: host, account, stream, consumer }: Query): Promise<number> {
  const query = new URLSearchParams({ acc: account, consumers: "true", config: "true" });
  const response = await fetch(`http://${host}/jsz?${query}`);
  const { account_details: accounts } = monitoring.parse(await response.json());
  const found = accounts.filter(({ id, name }) => id === account || name === account)
    .flatMap((one) => one.stream_detail).find(({ name }) => name === stream);
  if (!found) throw new Error(`no stream ${stream} in the account ${account}`);
  const one = found.consumer_detail.find(({ name }) => name === consumer);
  return one ? one.num_pending + one.num_ack_pending : found.state.last_seq;
}
