import type { ResolvedFunction } from "../../project/resolve_function.ts";
import type { OwnVariable } from "../../project/resolve_configs.ts";
import type { Registry } from "../../project/registry.ts";
import { type KubernetesObject, labelsOf } from "./kubernetes_object.ts";
import { jobPod, servicePod } from "./pod.ts";

/** Default of `SHUTDOWN_GRACE`, in milliseconds. */
const GRACE_MS = 25_000;
/** Time in milliseconds that a shutdown has beyond the timeout of the slowest function. */
const SETTLE_MS = 5_000;
/** Longest grace in milliseconds: a drain of a node waits for it. A handler that needs longer starts over elsewhere. */
const MAX_GRACE_MS = 600_000;
/** Seconds after which Kubernetes deletes a Job that has ended. */
const KEPT_SECONDS = 3_600;

/** Returns the Job that creates and widens streams and consumers before pods of a release start. */
export function applyJob(image: string, buckets: readonly string[] = []): KubernetesObject {
  const args = ["weir/cli", "apply", "--widen", ...(buckets.length > 0 ? ["--bucket", ...buckets] : [])];
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "weir-apply", labels: labelsOf("apply") },
    spec: {
      backoffLimit: 3,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: jobPod({ component: "apply", image, args }),
    },
  };
}

/** Returns the Deployment and the Service of the ingress. */
export function ingress({ configs }: Registry, image: string): KubernetesObject[] {
  const component = "ingress", labels = labelsOf(component);
  const variables = configs.filter(({ isWebhook }) => isWebhook).flatMap(({ variables }) => variables);
  const pod = { component, image, args: START, env: { WEIR_ROLES: "ingress" }, variables } as const;
  return [
    deployment("weir-ingress", labels, servicePod(pod, GRACE_MS), REPLICAS),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "weir", labels },
      spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] },
    },
  ];
}

/** Functions that run in the same pods. */
export interface Group {
  /** Name of their Deployment. */
  readonly name: string;
  readonly functions: readonly ResolvedFunction[];
  /** Whether the group is every function of the project. */
  readonly isWhole: boolean;
  /** Whether an autoscaler sets the replicas. */
  readonly scales: boolean;
}

/** Returns the Deployment of some functions. */
export function functionsDeployment({ configs }: Registry, group: Group, image: string): KubernetesObject {
  const { name, functions, isWhole, scales } = group, names = functions.map((fn) => fn.name);
  const component = "functions", own = { "app.kubernetes.io/instance": name };
  const variables = configs.filter((config) => config.functions.some((one) => names.includes(one)))
    .flatMap(({ variables }): readonly OwnVariable[] => variables);
  const env = { WEIR_ROLES: "functions", ...(!isWhole && { WEIR_FUNCTIONS: names.join(",") }) };
  const pod = servicePod({ component, labels: own, image, args: START, env, variables }, graceOf(functions));
  return deployment(name, { ...labelsOf(component), ...own }, pod, scales ? undefined : REPLICAS);
}

const START = ["weir/cli", "start", "--no-apply"];
/** Two, so that the loss of a node leaves one. */
const REPLICAS = 2;

/** Returns the time that running handlers have to finish, in milliseconds: as long as the slowest function may take. */
function graceOf(functions: readonly ResolvedFunction[]): number {
  const slowest = Math.max(0, ...functions.map(({ policy }) => policy.timeoutMs));
  return Math.min(Math.max(GRACE_MS, slowest + SETTLE_MS), MAX_GRACE_MS);
}

function deployment(
  name: string,
  labels: Readonly<Record<string, string>>,
  template: unknown,
  replicas: number | undefined,
): KubernetesObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels },
    spec: {
      ...(replicas !== undefined && { replicas }),
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template,
    },
  };
}
