import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import type { KubernetesObject } from "../../runtime/app/manifests/kubernetes_object.ts";
import { run } from "../../runtime/nats_server/run.ts";
import { WEIR_OPTIONS } from "../support/weir_process.ts";
import { schemaProblem } from "./kubernetes_schemas.ts";
import { DEPLOY } from "./views_files.ts";

const KUBERNETES = `${DEPLOY}kubernetes/`;

function parse(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJSON();
  });
}

async function filesIn(folder: string): Promise<string[]> {
  const files = [];
  for await (const { name } of Deno.readDir(folder)) if (name.endsWith(".yaml")) files.push(name);
  return files.sort();
}

async function objectsIn(folder: string): Promise<KubernetesObject[]> {
  const files = (await filesIn(KUBERNETES + folder)).filter((name) => name !== "kustomization.yaml");
  const texts = await Promise.all(files.map((name) => Deno.readTextFile(`${KUBERNETES}${folder}/${name}`)));
  return texts.flatMap(parse);
}

Deno.test("deploy/kubernetes fits the published schemas of its kinds", async () => {
  const objects = [...await objectsIn("base"), ...await objectsIn("monitoring")];
  assert.ok(objects.length >= 15, `only ${objects.length} objects were found`);
  assert.deepEqual(objects.flatMap((object) => schemaProblem(object) ?? []), []);
});

Deno.test("schemaProblem finds a missing field, a wrong type and an unknown field", () => {
  const object = (spec: object) => ({ apiVersion: "v1", kind: "Service", metadata: { name: "a" }, spec });
  assert.equal(schemaProblem(object({ ports: [{ port: 80 }] })), undefined);
  assert.match(schemaProblem(object({ ports: [{ name: "http" }] }))!, /required property port/);
  assert.match(schemaProblem(object({ ports: [{ port: "80" }] }))!, /must be integer/);
  assert.match(
    schemaProblem(object({ ports: [{ port: 80, portName: "a" }] }))!,
    /unknown fields \/spec\/ports\/0\/portName/,
  );
  assert.match(schemaProblem({ ...object({}), kind: "Servce" })!, /no schema/);
});

Deno.test("deploy/kubernetes/base is what manifests writes for the example", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-manifests-" });
  try {
    const args = ["manifests", "--bucket", "inventory", "orders", "--out", folder];
    await run(Deno.execPath(), ["run", "--quiet", ...WEIR_OPTIONS, "weir/cli", ...args], { cwd: `${DEPLOY}..` });
    assert.deepEqual(await filesIn(folder), await filesIn(`${KUBERNETES}base`));
    for (const name of await filesIn(folder)) {
      const [written, kept] = await Promise.all(
        [`${folder}/${name}`, `${KUBERNETES}base/${name}`].map((path) => Deno.readTextFile(path)),
      );
      assert.equal(kept, written, `${name}: run the command of kubernetes/README.md`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("prometheus_rule.yaml has the alerts of rules.yml", async () => {
  const [rule] = parse(await Deno.readTextFile(`${KUBERNETES}monitoring/prometheus_rule.yaml`));
  const [rules] = parse(await Deno.readTextFile(`${DEPLOY}prometheus/rules.yml`));
  assert.deepEqual(rule.spec, rules);
});

// deno-lint-ignore no-explicit-any
const pods = (await objectsIn("base")).filter(({ spec }: any) => spec?.template) as any[];

Deno.test("deploy/kubernetes/base has pods without root, token, capabilities or a writable root", () => {
  assert.ok(pods.length >= 6);
  for (const { metadata: { name }, spec: { template: { spec } } } of pods) {
    assert.equal(spec.automountServiceAccountToken, false, name);
    assert.equal(spec.securityContext.runAsNonRoot, true, name);
    assert.deepEqual(spec.securityContext.seccompProfile, { type: "RuntimeDefault" }, name);
    const [{ image, securityContext, resources }] = spec.containers;
    assert.equal(image, "weir:unset", name);
    assert.deepEqual(securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    }, name);
    assert.ok(resources.limits.memory && !resources.limits.cpu, name);
  }
});

Deno.test("deploy/kubernetes/base restarts no container for what is down beside it", () => {
  for (const { kind, spec: { template: { spec: { containers: [container] } } } } of pods) {
    if (kind === "Job") continue;
    assert.equal(container.livenessProbe.httpGet.path, "/health/live");
    assert.equal(container.startupProbe.httpGet.path, "/health/live");
    assert.equal(container.readinessProbe.httpGet.path, "/health/ready");
    assert.ok(container.args.includes("--no-apply"));
  }
});

const hasKubectl = await run("kubectl", ["version", "--client"]).then(() => true, () => false);
if (!hasKubectl) console.warn("tests/deploy: skipped the test that needs kubectl");

Deno.test({
  name: "deploy/kubernetes/production names one image and one digest of the project's variables",
  ignore: !hasKubectl,
  fn: async () => {
    const build = (folder: string) => run("kubectl", ["kustomize", `${KUBERNETES}${folder}`]);
    const built = await build("production"), objects = parse(built);
    const images = [...built.matchAll(/image: (\S+)/g)].map(([, image]) => image);
    assert.deepEqual([...new Set(images)], ["registry.example/shop:1.4.2"]);
    assert.equal(new Set(built.match(/weir-project-\w+/g)).size, 1);
    assert.deepEqual(objects.flatMap((object) => schemaProblem(object) ?? []), []);
    assert.equal(parse(await build("monitoring")).length, 2);
  },
});
