/** A Kubernetes object, with its fields in the order in which they are written. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Part of a deployment that an object belongs to. `settings` and `apply` are there before the others are changed. */
export type Component = "settings" | "apply" | "ingress" | "functions";

/** Returns the labels of an object. */
export function labelsOf(component: Component): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": "weir", "app.kubernetes.io/component": component };
}
