import assert from "node:assert/strict";
import { cron, defineConfig, defineEvent, defineFunction } from "weir";
import { z } from "zod";
import { type ManifestOptions, manifests } from "../../../runtime/app/manifests/manifests.ts";
import type { PodOptions } from "../../../runtime/app/manifests/pod.ts";
import { scaledObject } from "../../../runtime/app/manifests/scaled_object.ts";
import { Namespace, NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { buildRegistry, type Registry } from "../../../runtime/project/registry.ts";
import { registryOf } from "../../../runtime/testing/test_registry.ts";
import { schemaProblem } from "../../deploy/kubernetes_schemas.ts";
import { fn, schemas } from "../../support/modules.ts";

const data = z.object({});
const Made = defineEvent({ type: "orders.made", version: 1, data, ingress: {} });
const Stored = defineEvent({ type: "stock.stored", version: 1, data });
const config = defineConfig(z.object({ SHOP_URL: z.url(), SHOP_KEY: z.string().meta({ secret: true }) }));
const registry = buildRegistry([schemas("orders", Made), schemas("stock", Stored)], [
  fn("ship", { on: [Made, Stored], concurrency: 4, timeout: "2m" }, { config }),
  fn("sum", { on: Made, batch: { size: 50 }, concurrency: 2 }),
  fn("report", { on: cron("0 6 * * *"), timeout: "2h" }),
]);
const scaling = { endpoint: "nats:8222", account: "SHOP", minReplicas: 0, maxReplicas: 8 };

function objectsOf(project: Registry, options: Partial<ManifestOptions> = {}) {
  const files = manifests(project, { names: new Namespace("east"), image: "shop:1", ...options });
  const objects = Object.values(files).flat();
  // deno-lint-ignore no-explicit-any
  const find = (kind: string, name: string): any =>
    objects.find((one) => one.kind === kind && one.metadata.name === name);
  return { files, objects, find };
}

const containerOf = (
  object: { spec: { template: { spec: { containers: { env: { name: string; value: string }[] }[] } } } },
) => object.spec.template.spec.containers[0];
const envOf = (object: Parameters<typeof containerOf>[0]) =>
  Object.fromEntries(containerOf(object).env.map(({ name, value }) => [name, value]));

Deno.test("manifests fits the published schemas, with every option", () => {
  for (const options of [{}, { together: true }, { scaling }, { scaling, together: true }, { namespace: "shop" }]) {
    const { objects } = objectsOf(registry, options);
    assert.deepEqual(objects.flatMap((one) => schemaProblem(one) ?? []), [], JSON.stringify(options));
    for (const { metadata } of objects) assert.equal(metadata.namespace, "namespace" in options ? "shop" : undefined);
  }
});

Deno.test("manifests gives each function a Deployment, or all of them one", () => {
  const each = objectsOf(registry);
  assert.deepEqual(each.files["functions.yaml"].map(({ metadata }) => metadata.name), [
    ...["weir-ship", "weir-sum", "weir-report"],
    "weir-functions",
  ]);
  assert.equal(envOf(each.find("Deployment", "weir-ship")).WEIR_FUNCTIONS, "ship");
  assert.equal(each.find("Deployment", "weir-ship").spec.replicas, 2);
  assert.equal(each.find("ConfigMap", "weir").data.WEIR_NAMESPACE, "east");
  const all = objectsOf(registry, { together: true });
  assert.deepEqual(all.files["functions.yaml"].map(({ kind }) => kind), ["Deployment", "PodDisruptionBudget"]);
  assert.equal(envOf(all.find("Deployment", "weir-functions")).WEIR_FUNCTIONS, undefined);
});

Deno.test("manifests lets handlers finish within SHUTDOWN_GRACE, and that within the pod's grace", () => {
  const { find } = objectsOf(registry);
  const graces = ["weir-ship", "weir-sum", "weir-report"].map((name) => {
    const deployment = find("Deployment", name);
    return [envOf(deployment).SHUTDOWN_GRACE, deployment.spec.template.spec.terminationGracePeriodSeconds];
  });
  assert.deepEqual(graces, [["125s", 140], ["25s", 40], ["10m", 615]]);
});

Deno.test("manifests mounts the secrets that a function declares, and no others", () => {
  const { find } = objectsOf(registry), ship = find("Deployment", "weir-ship");
  assert.equal(envOf(ship).SHOP_KEY_FILE, "/secrets/project/SHOP_KEY");
  assert.equal(envOf(ship).SHOP_URL, undefined);
  const volumes = (name: string) => find("Deployment", name).spec.template.spec.volumes;
  assert.deepEqual(volumes("weir-ship")[1].secret.items, [{ key: "SHOP_KEY", path: "SHOP_KEY" }]);
  assert.deepEqual(volumes("weir-sum").map(({ name }: { name: string }) => name), ["nats"]);
  const files: [PodOptions["component"], string, string][] = [
    ["ingress", "Deployment", "weir-ingress"],
    ["functions", "Deployment", "weir-ship"],
    ["apply", "Job", "weir-apply"],
  ];
  for (const [component, kind, name] of files) {
    const [{ secret }] = find(kind, name).spec.template.spec.volumes;
    assert.deepEqual(secret.items, [{ key: `${component}.creds`, path: "user.creds" }]);
  }
});

Deno.test("manifests has no ingress if no event has one, and no functions if there are none", () => {
  const names = (project: Registry) => Object.keys(objectsOf(project, { scaling }).files);
  const inner = buildRegistry([schemas("stock", Stored)], [fn("keep", { on: Stored })]);
  assert.deepEqual(names(inner), ["settings.yaml", "apply_job.yaml", "functions.yaml", "scaled_objects.yaml"]);
  const outer = buildRegistry([schemas("orders", Made)], []);
  assert.deepEqual(names(outer), ["settings.yaml", "apply_job.yaml", "ingress.yaml"]);
});

Deno.test("scaledObject follows each stream of a function and what is due of its retries, and keeps one for ticks", () => {
  const { find } = objectsOf(registry, { scaling });
  assert.equal(find("Deployment", "weir-ship").spec.replicas, undefined);
  const read = (name: string) => {
    const { minReplicaCount, maxReplicaCount, triggers, scaleTargetRef } = find("ScaledObject", name).spec;
    assert.deepEqual(scaleTargetRef, { name });
    const queries = triggers.map(({ metadata }: { metadata: Record<string, string> }) => {
      const { natsServerMonitoringEndpoint, account, stream, consumer, lagThreshold } = metadata;
      assert.deepEqual([natsServerMonitoringEndpoint, account], ["nats:8222", "SHOP"]);
      return [stream, consumer, lagThreshold].join(" ");
    });
    return { minReplicaCount, maxReplicaCount, queries };
  };
  assert.deepEqual(read("weir-ship"), {
    minReplicaCount: 0,
    maxReplicaCount: 8,
    queries: ["east_ORDERS east_ship 4", "east_STOCK east_ship 4", "east_RETRIES east_ship 4"],
  });
  assert.deepEqual(read("weir-sum").queries, ["east_ORDERS east_sum 100", "east_RETRIES east_sum 100"]);
  assert.equal(read("weir-report").minReplicaCount, 1);
});

Deno.test("scaledObject counts what waits in the partitions of a function, too", () => {
  const order = { by: () => "key", partitions: 2 };
  const { functions } = registryOf({ ship: defineFunction({ on: "orders.paid", order, concurrency: 4 }, () => {}) });
  const { spec } = scaledObject({ name: "weir-ship", functions, isWhole: false, scales: true }, scaling, NO_NAMESPACE);
  const { triggers } = spec as { triggers: { metadata: Record<string, string> }[] };
  assert.deepEqual(triggers.map(({ metadata: { stream, consumer } }) => `${stream} ${consumer}`), [
    "ORDERS ship",
    "RETRIES ship",
    "ORDER_PARTITIONS ship@0",
    "RETRIES ship@0",
    "ORDER_PARTITIONS ship@1",
    "RETRIES ship@1",
  ]);
});
