import { formatDuration } from "../../core/duration.ts";
import type { OwnVariable } from "../../project/resolve_configs.ts";
import { type Component, labelsOf } from "./kubernetes_object.ts";

/** Time in milliseconds in which requests still arrive, until every node knows that the pod ends. */
const PRE_STOP_MS = 5_000;
/** Time in milliseconds after `SHUTDOWN_GRACE` to flush telemetry and to drain. */
const FLUSH_MS = 10_000;
/** User and group of the image. */
const USER = 10001;
/** Mode of the files of secrets. It is written as a decimal number, since YAML 1.1 and 1.2 differ in octal ones. */
const SECRET_MODE = 0o440;
/** Folder of the secrets in a container. */
export const SECRETS = "/secrets";

/** Process that a pod runs. */
export interface PodOptions {
  readonly component: Exclude<Component, "settings">;
  /** Labels besides those of the component. @default none */
  readonly labels?: Readonly<Record<string, string>>;
  readonly image: string;
  /** Command of Weir, and its options. */
  readonly args: readonly string[];
  /** Variables besides those of the ConfigMaps. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables of the project. Of these, secrets become files. @default none */
  readonly variables?: readonly OwnVariable[];
}

/** Returns a pod that runs a command to its end. */
export function jobPod(options: PodOptions) {
  return podOf(options, {}, { restartPolicy: "Never" });
}

/**
 * Returns a pod that runs until SIGTERM.
 *
 * @param graceMs Time that running handlers have to finish.
 */
export function servicePod(options: PodOptions, graceMs: number) {
  const takesRequests = options.component === "ingress";
  const env = { ...options.env, SHUTDOWN_GRACE: String(formatDuration(graceMs)) };
  const pod = podOf({ ...options, env }, {
    ports: [{ name: "http", containerPort: 8000 }, { name: "admin", containerPort: 9090 }],
    ...PROBES,
    ...(takesRequests && { lifecycle: { preStop: { sleep: { seconds: PRE_STOP_MS / 1_000 } } } }),
  }, {
    terminationGracePeriodSeconds: Math.ceil((PRE_STOP_MS + graceMs + FLUSH_MS) / 1_000),
    topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: { ...labelsOf(options.component), ...options.labels } },
      matchLabelKeys: ["pod-template-hash"],
    })),
  });
  const annotations = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": "9090",
    "prometheus.io/path": "/metrics",
  };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

/**
 * Only liveness restarts a container, and it asks for the event loop alone: a restart would not help while NATS or a
 * database is down. A start waits up to a minute for NATS before it listens.
 */
const PROBES = {
  startupProbe: { httpGet: { path: "/health/live", port: "http" }, periodSeconds: 1, failureThreshold: 75 },
  livenessProbe: { httpGet: { path: "/health/live", port: "http" }, periodSeconds: 10, timeoutSeconds: 3 },
  readinessProbe: { httpGet: { path: "/health/ready", port: "http" }, periodSeconds: 5, timeoutSeconds: 3 },
};

/** Measured: 100 MB idle, 175 MB busy. There is no CPU limit, since throttling blocks the event loop. */
const RESOURCES = { requests: { cpu: "100m", memory: "192Mi" }, limits: { memory: "512Mi" } };

function podOf(options: PodOptions, container: Record<string, unknown>, spec: Record<string, unknown>) {
  const { component, labels, image, args, env = {}, variables = [] } = options;
  const secrets = secretsOf(component, variables), set = Object.entries({ ...env, ...secrets.env });
  return {
    metadata: { labels: { ...labelsOf(component), ...labels } },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER, // reads the files of the secrets
        seccompProfile: { type: "RuntimeDefault" },
      },
      ...spec,
      containers: [{
        name: "weir",
        image,
        args,
        envFrom: [{ configMapRef: { name: "weir" } }, { configMapRef: { name: "weir-project", optional: true } }],
        ...(set.length > 0 && { env: set.map(([name, value]) => ({ name, value })) }),
        ...container,
        resources: RESOURCES,
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: secrets.volumes.map(({ name }) => ({ name, mountPath: `${SECRETS}/${name}`, readOnly: true })),
      }],
      volumes: secrets.volumes,
    },
  };
}

/** Files, since a running process reads them again, and does not see a changed variable. */
function secretsOf(component: Component, variables: readonly OwnVariable[]) {
  const volume = (name: string, secretName: string, files: Readonly<Record<string, string>>) => ({
    name,
    secret: {
      secretName,
      defaultMode: SECRET_MODE,
      items: Object.entries(files).map(([key, path]) => ({ key, path })),
    },
  });
  const own = [...new Set(variables.filter(({ secret }) => secret).map(({ name }) => name))].sort();
  return {
    env: {
      ...(component === "ingress" && { WEIR_API_KEYS_FILE: `${SECRETS}/weir/api-keys` }),
      ...Object.fromEntries(own.map((name) => [`${name}_FILE`, `${SECRETS}/project/${name}`])),
    },
    volumes: [
      volume("nats", "weir-nats", { [`${component}.creds`]: "user.creds" }),
      ...(component === "ingress" ? [volume("weir", "weir", { "api-keys": "api-keys" })] : []),
      ...(own.length > 0
        ? [volume("project", "weir-project", Object.fromEntries(own.map((name) => [name, name])))]
        : []),
    ],
  };
}
