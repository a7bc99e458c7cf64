import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";
import { copyProjectWith } from "../support/project.ts";
import { startReadyWeir } from "../support/weir_process.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), tenant: z.string() }) });
const TENANTS = ["a", "b", "c"];

/** Starts replicas of one function on one server. It notes the time of each start. */
async function startReplicas(count: number, rate: { limit: number; per: "1s"; by?: (event: never) => string }) {
  const stack = new AsyncDisposableStack(), server = stack.use(await startServer());
  const starts: { tenant: string; atMs: number; attempt: number }[] = [];
  const limited = defineFunction({ on: Asked, rate: rate as never }, ({ data: { tenant } }, { attempt }) => {
    starts.push({ tenant, atMs: performance.now(), attempt });
  });
  const replicas: Awaited<ReturnType<typeof startTestRuntime>>[] = [];
  for (let i = 0; i < count; i++) {
    replicas.push(stack.use(await startTestRuntime({ functions: { limited }, server })));
  }
  const [first] = replicas;
  const publish = (events: number) =>
    Promise.all(Array.from({ length: events }, (_, n) => first.publish(Asked, { n, tenant: TENANTS[n % 3] })));
  return { server, replicas, starts, publish, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/**
 * Asserts that the starts since a time keep to a limit a second. The clocks of processes may differ by milliseconds.
 */
function assertLimited(starts: readonly { readonly atMs: number }[], sinceMs: number, limit: number): void {
  starts.forEach(({ atMs }, i) => {
    const most = limit * (1 + Math.floor((atMs - sinceMs) / 950));
    assert.ok(i < most, `start ${i + 1} came after ${Math.round(atMs - sinceMs)} ms`);
  });
}

Deno.test("[G17] rate limits the starts of four replicas together, and uses no attempt", async () => {
  await using weir = await startReplicas(4, { limit: 100, per: "1s" });
  const { starts, replicas } = weir, sinceMs = performance.now();
  await weir.publish(350);
  await eventually(() => starts.length === 350);
  assertLimited(starts, sinceMs, 100);
  assert.ok(starts.every(({ attempt }) => attempt === 1));
  const settled = replicas.flatMap(({ settled }) => settled.map(({ outcome }) => outcome));
  assert.equal(settled.filter(({ kind }) => kind === "ack").length, 350);
  for (const outcome of settled) {
    if (outcome.kind !== "ack") assert.partialDeepStrictEqual(outcome, { reason: "rate-limited", usesAttempt: false });
  }
  const page = await (await fetch(`${replicas[0].adminUrl}/metrics`)).text();
  for (const name of ["rate_limited", "rate_waiting", "rate_local"]) {
    assert.notEqual(valueOf(page, `weir_function_${name}`, { function: "limited" }), undefined, name);
  }
  const [status] = await (await fetch(`${replicas[0].adminUrl}/functions`)).json();
  assert.deepEqual(status.policy.rate, { limit: 100, per: "1s" });
  assert.equal(typeof status.rate.waiting, "number");
});

Deno.test("rate limits each key by itself", async () => {
  await using weir = await startReplicas(2, { limit: 20, per: "1s", by: (event: never) => event["data"]["tenant"] });
  const { starts } = weir, sinceMs = performance.now();
  await weir.publish(150);
  await eventually(() => starts.length === 150);
  for (const tenant of TENANTS) assertLimited(starts.filter((one) => one.tenant === tenant), sinceMs, 20);
});

Deno.test("rate goes on by parts while its bucket is missing, says so, and is shared again", async () => {
  await using weir = await startReplicas(2, { limit: 20, per: "1s" });
  const { starts, replicas } = weir;
  await weir.publish(150);
  await eventually(() => starts.length >= 40);
  const nc = await connectNats({ servers: [weir.server.url], name: "test" }), jsm = await jetstreamManager(nc);
  const reports = async () =>
    await Promise.all(replicas.map(async ({ adminUrl }) => {
      const { degraded } = await (await fetch(`${adminUrl}/health`)).json();
      return degraded?.["rate of limited"] as string | undefined;
    }));
  const report = await eventually(async () => {
    // Again and again: a process may have created it anew before the next start was asked for.
    await jsm.streams.delete("KV_weir_rates").catch(() => {});
    return (await reports()).find((report) => report !== undefined);
  });
  await nc.close();
  assert.match(report, /^its rate is not shared, .*: bucket weir_rates: /);
  await eventually(async () => (await reports()).every((report) => report === undefined));
  await eventually(() => starts.length === 150);
});

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
`;
const FUNCTION = `
import { defineFunction } from "weir";
import { Asked } from "../schemas/demo.ts";
export default defineFunction({ on: Asked, rate: { limit: 50, per: "1s" } }, ({ data }, { log }) => log.info("begun", data));
`;

Deno.test("[G4] rate loses no event when a process that holds some is killed", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "schemas/demo.ts": SCHEMA, "functions/limited.ts": FUNCTION });
  const start = () => startReadyWeir(project.path, server.url);
  await using killed = await start();
  await using other = await start();
  const nc = await connectNats({ servers: [server.url], name: "test" });
  const js = (await jetstreamManager(nc)).jetstream();
  await Promise.all(Array.from({ length: 300 }, (_, n) => js.publish("demo.asked", JSON.stringify({ n }))));
  await nc.close();
  await killed.waitForLog(({ message }) => message === "begun");
  killed.kill("SIGKILL");
  await killed.status;
  const begun = () =>
    new Set(
      [...killed.lines, ...other.lines].filter((line) => line.includes('"begun"')).map((line) => JSON.parse(line).n),
    );
  await eventually(() => begun().size === 300);
});
