import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { invoke, startTestRuntime } from "weir/testing";
import { z } from "zod";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";
import { copyProjectWith } from "../support/project.ts";
import { startReadyWeir } from "../support/weir_process.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), tenant: z.string() }) });

Deno.test("[G17] concurrency by key lets the events of others pass a backlog of one key, and uses no attempt", async () => {
  await using server = await startServer();
  const runs = new Map<number, number[]>(), { promise: until, resolve: finish } = Promise.withResolvers<void>();
  let atOnce = 0, most = 0;
  const shared = defineFunction({
    on: Asked,
    timeout: "60s",
    concurrency: { limit: 4, perKey: 2, by: ({ data }) => data.tenant },
  }, async ({ data: { n, tenant } }, { attempt }) => {
    runs.set(n, [...runs.get(n) ?? [], attempt]);
    if (tenant !== "large") return;
    most = Math.max(most, ++atOnce);
    await until;
    atOnce--;
  });
  await using weir = await startTestRuntime({ functions: { shared }, server });
  await Promise.all(Array.from({ length: 130 }, (_, n) => weir.publish(Asked, { n, tenant: "large" })));
  await Promise.all(Array.from({ length: 20 }, (_, n) => weir.publish(Asked, { n: 1_000 + n, tenant: `t${n % 5}` })));
  await eventually(() => Array.from({ length: 20 }, (_, n) => 1_000 + n).every((n) => runs.has(n)));
  assert.equal(most, 2);
  assert.equal(atOnce, 2);
  finish();
  await eventually(() => runs.size === 150);
  assert.ok([...runs.values()].every((attempts) => attempts.length === 1 && attempts[0] === 1));
  assert.equal(most, 2);
  // Two run and a hundred wait in the process. The others were skipped over.
  const [status] = await (await fetch(`${weir.adminUrl}/functions`)).json();
  assert.ok(status.keys.skipped >= 28, JSON.stringify(status.keys));
  assert.deepEqual([status.concurrency, status.policy.concurrency], [4, { limit: 4, perKey: 2, by: "its own" }]);
  const page = await (await fetch(`${weir.adminUrl}/metrics`)).text();
  const skipped = { function: "shared", outcome: "retry", reason: "key-limited" };
  assert.equal(valueOf(page, "weir_function_outcomes_total", skipped), status.keys.skipped);
  assert.equal(valueOf(page, "weir_function_key_waiting", { function: "shared" }), 0);
  assert.equal(valueOf(page, "weir_function_concurrency", { function: "shared" }), 4);
});

Deno.test("invoke fails the attempt of an event for which `concurrency.by` throws", async () => {
  const by = () => {
    throw new Error("no tenant");
  };
  const { outcome } = await invoke(defineFunction({ on: Asked, concurrency: { perKey: 1, by } }, () => {}), {
    n: 1,
    tenant: "a",
  });
  assert.partialDeepStrictEqual(outcome, { kind: "retry", reason: "failed", error: { message: "no tenant" } });
});

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
`;
const FUNCTION = `
import { defineFunction } from "weir";
import { Asked } from "../schemas/demo.ts";
export default defineFunction({
  on: Asked,
  concurrency: { limit: 4, perKey: 2, by: ({ data }) => data.n % 20 ? "large" : "small" },
}, async ({ data }, { attempt, log }) => {
  log.info("begun", { ...data, attempt });
  await new Promise((resolve) => setTimeout(resolve, 20));
});
`;

Deno.test("[G4] concurrency by key loses no event when a process that skips over some is killed", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "schemas/demo.ts": SCHEMA, "functions/shared.ts": FUNCTION });
  const nc = await connectNats({ servers: [server.url], name: "test" });
  const js = (await jetstreamManager(nc)).jetstream();
  await using first = await startReadyWeir(project.path, server.url);
  await using other = await startReadyWeir(project.path, server.url);
  await Promise.all(Array.from({ length: 300 }, (_, n) => js.publish("demo.asked", JSON.stringify({ n }))));
  await nc.close();
  await first.waitForLog(({ message }) => message === "begun");
  first.kill("SIGKILL");
  await first.status;
  const begun = () =>
    [...first.lines, ...other.lines].filter((line) => line.includes('"begun"')).map((line) => JSON.parse(line));
  await eventually(() => new Set(begun().map(({ n }) => n)).size === 300);
});
