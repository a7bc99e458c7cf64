import { Deployment } from "kubernetes-models/apps/v1";
import { Job } from "kubernetes-models/batch/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ConfigMap, Service } from "kubernetes-models/v1";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { PodMonitor, PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import type { KubernetesObject } from "../../runtime/app/manifests/kubernetes_object.ts";

/** The published schema of each kind, as a class whose `validate` throws what is wrong with `this`. */
const KINDS = [
  ConfigMap,
  Deployment,
  Job,
  NetworkPolicy,
  PodDisruptionBudget,
  PodMonitor,
  PrometheusRule,
  ScaledObject,
  Service,
] as unknown as readonly {
  readonly apiVersion: string;
  readonly kind: string;
  readonly prototype: { validate(this: unknown): void };
}[];

/**
 * Returns why an object does not fit the published schema of its kind, or undefined. The schemas permit unknown fields,
 * which an API server refuses or drops: a field that the validator never reads is one.
 */
export function schemaProblem(object: KubernetesObject): string | undefined {
  const kind = KINDS.find((one) => one.apiVersion === object.apiVersion && one.kind === object.kind);
  if (!kind) return `${object.apiVersion} ${object.kind}: no schema`;
  const unread = new Set<string>();
  try {
    kind.prototype.validate.call(watched(object, "", unread));
  } catch (error) {
    return `${object.kind} ${object.metadata.name}: ${(error as Error).message}`;
  }
  return unread.size === 0 ? undefined : `${object.kind} ${object.metadata.name}: unknown fields ${[...unread]}`;
}

/** Returns a view of a value that removes the path of each field from `unread` once it is read. */
function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const view: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {};
  for (const [key, field] of Object.entries(value)) {
    const own = `${path}/${key}`, inner = watched(field, own, unread);
    unread.add(own);
    const get = () => (unread.delete(own), inner);
    Object.defineProperty(view, key, { get, enumerable: true, configurable: true });
  }
  return view;
}
