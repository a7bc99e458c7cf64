import type { Namespace } from "../../core/namespace.ts";
import { durablesOf } from "../../nats/consume/resources.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { type KubernetesObject, labelsOf } from "./kubernetes_object.ts";
import type { Group } from "./workloads.ts";

/** Autoscaling by KEDA. */
export interface Scaling {
  /** Host and port of NATS's monitoring listener. */
  readonly endpoint: string;
  /** Account of the streams. */
  readonly account: string;
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

/**
 * Returns the ScaledObject of some functions. KEDA adds the pending events of a consumer to those that wait for an ack,
 * and asks for a pod for each `lagThreshold` of them. On RETRIES a consumer takes only what is due: retries that wait
 * hold no pods, and a retry that is due starts one.
 */
export function scaledObject({ name, functions }: Group, scaling: Scaling, names: Namespace): KubernetesObject {
  const minReplicas = Math.max(scaling.minReplicas, functions.some(ticks) ? 1 : 0);
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name, labels: { ...labelsOf("functions"), "app.kubernetes.io/instance": name } },
    spec: {
      scaleTargetRef: { name },
      minReplicaCount: minReplicas,
      maxReplicaCount: Math.max(scaling.maxReplicas, minReplicas),
      pollingInterval: 15,
      cooldownPeriod: 300,
      triggers: functions.flatMap((fn) =>
        durablesOf([fn], names).map(({ stream, consumer }) => ({
          type: "nats-jetstream",
          metadata: {
            natsServerMonitoringEndpoint: scaling.endpoint,
            account: scaling.account,
            stream,
            consumer,
            lagThreshold: String(eventsOf(fn)),
          },
        }))
      ),
    },
  };
}

/** Its own processes publish the ticks of its schedules, so one must run. */
function ticks({ triggers }: ResolvedFunction): boolean {
  return triggers.some(({ schedule }) => schedule);
}

/** Returns how many events a process handles at once. */
function eventsOf({ policy: { concurrency, batch } }: ResolvedFunction): number {
  return concurrency * (batch?.size ?? 1);
}
