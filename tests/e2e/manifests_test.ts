import assert from "node:assert/strict";
import { z } from "zod";
import type { KubernetesObject } from "../../runtime/app/manifests/kubernetes_object.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { podsWanted } from "../deploy/keda.ts";
import { commandRunner, startCommands } from "../support/commands.ts";
import { createOperator } from "../support/creds.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const FILES = {
  "schemas/parcels.ts": `
import { defineEvent } from "weir";
import { z } from "zod";
export const Packed = defineEvent({ type: "parcels.packed", version: 1, data: z.object({ wait: z.string() }) });
`,
  "functions/sendParcel.ts": `
import { defineFunction, RetryAfterError } from "weir";
import { Packed } from "../schemas/parcels.ts";
export default defineFunction({ on: Packed, concurrency: 4 }, ({ data }) => {
  if (data.wait) throw new RetryAfterError(data.wait);
});
`,
};

const probe = z.object({ httpGet: z.object({ path: z.string() }) });
const container = z.object({
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  args: z.array(z.string()),
  env: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
});
const workload = z.object({
  spec: z.object({ template: z.object({ spec: z.object({ containers: z.tuple([container]) }) }) }),
});

/** Returns the arguments of Weir and the variables in a pod of a Deployment or a Job. */
function processOf(object: KubernetesObject, configMap: KubernetesObject) {
  const { args, env, ...probes } = workload.parse(object).spec.template.spec.containers[0];
  assert.equal(args[0], "weir/cli");
  const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  return { args: args.slice(1), env: { ...configMap.data as Record<string, string>, ...own }, probes };
}

Deno.test("manifests writes a Job and pods that start, and a query that KEDA scales from 0 to n to 0 by", async (t) => {
  await using project = await copyProjectWith(FILES);
  const operator = createOperator(), log: string[] = [], creds = `${project.path}/user.creds`;
  await Deno.writeTextFile(creds, operator.creds());
  await using server = await startServer({
    config: `${operator.config}\nhttp: "127.0.0.1:-1"`,
    log: (line) => void log.push(line),
  });
  const here = { NATS_URL: server.url, NATS_CREDS: creds, WEIR_REPLICAS: "1", HOST: "127.0.0.1", ADMIN_HOST: "" };
  await using weir = await startCommands(project.path, server.url, here);
  const [, endpoint] = log.map((line) => /http monitor on (\S+)/.exec(line)).find((found) => found !== null)!;
  const [, account] = /resolver_preload: \{\s*(A\w+):/.exec(operator.config)!;

  const args = ["--keda", endpoint, "--account", account, "--min-replicas", "0", "--max-replicas", "3", "--json"];
  const printed = await weir("manifests", ...args);
  assert.equal(printed.code, 0, printed.text);
  const objects: KubernetesObject[] = JSON.parse(printed.text);
  const find = (kind: string) => objects.find((object) => object.kind === kind)!;
  const scaled = find("ScaledObject"), podOf = (kind: string) => processOf(find(kind), find("ConfigMap"));

  await t.step("the Job creates what the pods need", async () => {
    const { args, env } = podOf("Job");
    const applied = await commandRunner(project.path, server.url, { ...env, ...here })(...args);
    assert.equal(applied.code, 0, applied.text);
    assert.equal(await podsWanted(scaled), 0);
  });

  const publish = async (waits: readonly string[]) => {
    for (const wait of waits) {
      const { code, text } = await weir("publish", "parcels.packed", JSON.stringify({ wait }));
      assert.equal(code, 0, text);
    }
  };
  const startPod = async () => {
    const { args, env, probes } = podOf("Deployment"), ports = freePorts("PORT", "ADMIN_PORT");
    const pod = startWeir(project.path, args, { ...env, ...here, ...ports });
    await pod.waitForLog(({ message }) => message === "ready");
    const probe = async (name: "livenessProbe" | "readinessProbe") => {
      const response = await fetch(`http://127.0.0.1:${ports.PORT}${probes[name]?.httpGet.path}`);
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await probe("livenessProbe"), 200);
    await eventually(async () => await probe("readinessProbe") === 200);
    return { pod, probe };
  };
  const stop = async (pod: ReturnType<typeof startWeir>) => {
    pod.kill("SIGTERM");
    assert.equal((await pod.status).code, 0, pod.lines.join("\n"));
  };

  await t.step("KEDA wants a pod for each four events that wait, and none once they are handled", async () => {
    await publish(["", "", "", "", ""]);
    assert.equal(await podsWanted(scaled), 2);
    const { pod } = await startPod();
    await using _ended = pod;
    await eventually(async () => await podsWanted(scaled) === 0);
    await stop(pod);
  });

  await t.step("KEDA wants no pod for a retry that waits, and one once a retry is due", async () => {
    await publish(["1h"]);
    const { pod } = await startPod();
    await using _ended = pod;
    await pod.waitForLog(({ outcome }) => outcome === "retry");
    await eventually(async () => await podsWanted(scaled) === 0);
    await publish(["6s"]);
    await eventually(() => pod.lines.filter((line) => line.includes('"outcome":"retry"')).length >= 2);
    await stop(pod);
    await eventually(async () => await podsWanted(scaled) === 1);
  });

  await t.step("an outage of NATS takes a pod out of the Service, and restarts nothing", async () => {
    const { pod, probe } = await startPod();
    await using _ended = pod;
    await server.kill();
    await eventually(async () => await probe("readinessProbe") === 503);
    assert.equal(await probe("livenessProbe"), 200);
  });
});
