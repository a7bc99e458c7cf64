import type { Namespace } from "../../core/namespace.ts";
import type { Registry } from "../../project/registry.ts";
import type { KubernetesObject } from "./kubernetes_object.ts";
import { workloadNames } from "./names.ts";
import { scaledObject, type Scaling } from "./scaled_object.ts";
import { configMap, disruptionBudget, networkPolicies } from "./settings.ts";
import { applyJob, functionsDeployment, type Group, ingress } from "./workloads.ts";

export interface ManifestOptions {
  /** The names in NATS. */
  readonly names: Namespace;
  /** Image of every container, with its tag or digest. */
  readonly image: string;
  /** Namespace in Kubernetes. @default none, so that the one of the context applies */
  readonly namespace?: string;
  /** Whether all functions share a Deployment. @default each has its own */
  readonly together?: boolean;
  /** Key-value buckets that handlers open with `ctx.kv`, which the Job creates. @default none */
  readonly buckets?: readonly string[];
  /** Autoscaling of the functions. @default none: two replicas each */
  readonly scaling?: Scaling;
}

/** Returns the Kubernetes objects of a project's deployment, by the names of their files. */
export function manifests(registry: Registry, options: ManifestOptions): Readonly<Record<string, KubernetesObject[]>> {
  const { names, image, namespace, scaling } = options, groups = groupsOf(registry, options);
  const hasIngress = [...registry.events.values()].some(({ ingress }) => ingress);
  const files: Record<string, KubernetesObject[]> = {
    "settings.yaml": [configMap(names.name), ...networkPolicies(hasIngress)],
    "apply_job.yaml": [applyJob(image, options.buckets)],
    "ingress.yaml": hasIngress ? [...ingress(registry, image), disruptionBudget("ingress")] : [],
    "functions.yaml": groups.length === 0 ? [] : [
      ...groups.map((group) => functionsDeployment(registry, group, image)),
      disruptionBudget("functions"),
    ],
    "scaled_objects.yaml": scaling ? groups.map((group) => scaledObject(group, scaling, names)) : [],
  };
  const place = (one: KubernetesObject) => ({ ...one, metadata: { ...one.metadata, namespace } });
  return Object.fromEntries(
    Object.entries(files).filter(([, objects]) => objects.length > 0)
      .map(([file, objects]) => [file, namespace === undefined ? objects : objects.map(place)]),
  );
}

function groupsOf({ functions }: Registry, { together = false, scaling }: ManifestOptions): Group[] {
  const scales = scaling !== undefined;
  if (functions.length === 0) return [];
  if (together) return [{ name: "weir-functions", functions, isWhole: true, scales }];
  const names = workloadNames(functions.map(({ name }) => name));
  return functions.map((fn) => ({ name: names.get(fn.name)!, functions: [fn], isWhole: false, scales }));
}
