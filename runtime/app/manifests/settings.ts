import { type Component, type KubernetesObject, labelsOf } from "./kubernetes_object.ts";
import { SECRETS } from "./pod.ts";

/**
 * Returns the ConfigMap with the variables that all pods share.
 *
 * @param namespace The value of `WEIR_NAMESPACE`. Default: none.
 */
export function configMap(namespace?: string): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "weir", labels: labelsOf("settings") },
    data: {
      NATS_URL: "nats://nats.nats.svc:4222",
      NATS_CREDS: `${SECRETS}/nats/user.creds`,
      WEIR_REPLICAS: "3",
      ...(namespace !== undefined && { WEIR_NAMESPACE: namespace }),
      ADMIN_HOST: "0.0.0.0",
      OTEL_SERVICE_NAME: "weir",
    },
  };
}

/**
 * Returns what pods may receive and send. All: DNS, NATS, a collector, and Prometheus on the admin listener. Besides
 * those the ingress receives requests, and functions call services by TLS.
 */
export function networkPolicies(hasIngress: boolean): KubernetesObject[] {
  const all = policy("weir", { "app.kubernetes.io/name": "weir" }, {
    ingress: [{ from: [MONITORING], ports: [{ port: "admin" }] }],
    egress: [
      { to: [DNS], ports: [{ port: 53, protocol: "UDP" }, { port: 53, protocol: "TCP" }] },
      { to: [NATS], ports: [{ port: 4222 }] },
      { to: [MONITORING], ports: [{ port: 4318 }] },
    ],
  });
  const services = { ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.0.0/16"] } }; // not the metadata of a cloud
  return [
    all,
    ...(hasIngress ? [policy("weir-ingress", labelsOf("ingress"), { ingress: [{ ports: [{ port: "http" }] }] })] : []),
    policy("weir-functions", labelsOf("functions"), { egress: [{ to: [services], ports: [{ port: 443 }] }] }),
  ];
}

/** Returns the budget that keeps a drain from ending more than one pod of a component at once. */
export function disruptionBudget(component: Component): KubernetesObject {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: `weir-${component}`, labels: labelsOf(component) },
    spec: {
      maxUnavailable: 1,
      // Pods that are not ready, as in an outage of NATS, do not block a drain.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: labelsOf(component) },
    },
  };
}

function inNamespace(name: string) {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } };
}

const MONITORING = inNamespace("monitoring");
const DNS = { ...inNamespace("kube-system"), podSelector: { matchLabels: { "k8s-app": "kube-dns" } } };
const NATS = { namespaceSelector: {}, podSelector: { matchLabels: { "app.kubernetes.io/name": "nats" } } };

function policy(
  name: string,
  matchLabels: Readonly<Record<string, string>>,
  rules: { readonly ingress?: readonly unknown[]; readonly egress?: readonly unknown[] },
): KubernetesObject {
  const policyTypes = [...(rules.ingress ? ["Ingress"] : []), ...(rules.egress ? ["Egress"] : [])];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, labels: labelsOf("settings") },
    spec: { podSelector: { matchLabels }, policyTypes, ...rules },
  };
}
