import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { readPage } from "../support/metrics_page.ts";
import { copyProjectWith } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

const HANDLE = `
  import { defineFunction, NonRetryableError } from "weir";
  import { Created } from "../schemas/orders.ts";
  export default defineFunction({ on: Created }, ({ data }) => {
    if (data.bad) throw new NonRetryableError("bad in " + data.from);
  });`;
const FILES = {
  "schemas/orders.ts": `
    import { defineEvent } from "weir";
    import { z } from "zod";
    export const Created = defineEvent({
      type: "orders.created",
      version: 1,
      data: z.object({ from: z.string(), bad: z.boolean().optional() }),
      ingress: { route: "/orders" },
    });`,
  "functions/handle.ts": HANDLE,
  "functions/extra.ts": HANDLE.replace("bad in", "extra bad in").replace(
    "if (data.bad)",
    "if (data.bad && data.from === '')",
  ),
};

/** Makes a project of these files with a name. */
async function projectOf(name: string) {
  const project = await copyProjectWith(FILES), file = `${project.path}/deno.json`;
  await Deno.writeTextFile(file, JSON.stringify({ ...JSON.parse(await Deno.readTextFile(file)), name, exports: {} }));
  return project;
}

async function setup() {
  await using scope = new AsyncDisposableStack();
  const server = await startServer();
  scope.defer(() => server.stop());
  const shop = scope.use(await projectOf("shop")), billing = scope.use(await projectOf("billing"));
  const nc = await connectNats({ servers: [server.url], name: "test" });
  scope.defer(() => nc.close());
  const all = scope.move();
  const env = { NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", NO_COLOR: "1" };
  const start = (folder: string, args: string[], namespace = "", more: Record<string, string> = {}) =>
    all.use(startWeir(folder, args, { ...env, WEIR_NAMESPACE: namespace, ...more }));
  const commands = new Map<string, Awaited<ReturnType<typeof startCommands>>>();
  for (const { path } of [shop, billing]) commands.set(path, all.use(await startCommands(path, server.url)));
  return {
    shop: shop.path,
    billing: billing.path,
    jsm: await jetstreamManager(nc),
    start,
    run: async (folder: string, args: string[], namespace = "", more: Record<string, string> = {}) => {
      return await commands.get(folder)!.with({ WEIR_NAMESPACE: namespace, ...more })(...args);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function ready(program: Program): Promise<{ url: string; admin: string; namespace?: string }> {
  const { url, admin, namespace } = await program.waitForLog(({ message }) => message === "ready");
  return { url, admin, namespace } as { url: string; admin: string; namespace?: string };
}

async function publish(url: string, data: object, id: string): Promise<{ stream: string; type: string }> {
  const headers = { "content-type": "application/json", "idempotency-key": id };
  const response = await fetch(`${url}/orders`, { method: "POST", headers, body: JSON.stringify(data) });
  assert.equal(response.status, 202);
  return await response.json();
}

Deno.test("start refuses a second project on an account, and WEIR_NAMESPACE makes each blind to the other", async (t) => {
  await using bench = await setup();
  const { shop, billing, jsm, run } = bench;
  const shopProcess = bench.start(shop, ["start"]), one = await ready(shopProcess);
  const steps = (text: string) => JSON.parse(text) as { kind: string; what: string; name: string; stream?: string }[];
  const durables = async (stream: string) =>
    (await Array.fromAsync(jsm.consumers.list(stream))).map(({ name }) => name).sort();

  await t.step("start, plan, apply and the lists of the second name the first, and change nothing", async () => {
    const refused = bench.start(billing, ["start"]);
    assert.equal((await refused.status).code, 1);
    assert.match(
      refused.lines.join("\n"),
      /stream RETRIES: it belongs to the project \\"shop\\", and this is .*billing.*: set WEIR_NAMESPACE/,
    );
    assert.equal((await run(billing, ["plan"])).code, 1);
    assert.equal((await run(billing, ["apply", "--prune"])).code, 1);
    for (const list of [["dead-letters", "list"], ["dead-letters", "discard", "--all"], ["retries", "list"]]) {
      const { code, text } = await run(billing, list);
      assert.deepEqual([code, /belongs to the project "shop"/.test(text)], [1, true], text);
    }
    assert.deepEqual(await durables("RETRIES"), ["extra", "handle"]);
  });

  const billingProcess = bench.start(billing, ["start"], "billing"), two = await ready(billingProcess);
  assert.deepEqual([one.namespace, two.namespace], [undefined, "billing"]);

  await t.step("functions takes no status of another project or namespace, and names the process", async () => {
    const { port: ADMIN_PORT } = new URL(one.admin);
    const [{ text: own }, { text: others }, { text: json }] = await Promise.all([
      run(shop, ["functions"], "", { ADMIN_PORT }),
      run(billing, ["functions"], "billing", { ADMIN_PORT }),
      run(shop, ["functions", "--json"], "", { ADMIN_PORT }),
    ]);
    assert.match(own, /^from http:.*: project "shop", NATS nats:.*$/m);
    assert.match(own, /closed$/m);
    assert.match(
      others,
      /^no runtime of this project "billing", WEIR_NAMESPACE=billing answers: at http:.* is project "shop", NATS nats:/m,
    );
    assert.match(others, /unknown$/m);
    assert.deepEqual(JSON.parse(json).map(({ breaker }: { breaker: string }) => breaker), ["closed", "closed"]);
  });

  await t.step("events, dead letters and metrics stay apart", async () => {
    const stored = [
      await publish(one.url, { from: "shop", bad: true }, "a"),
      await publish(two.url, { from: "billing", bad: true }, "a"),
    ];
    assert.deepEqual(stored.map(({ stream, type }) => [stream, type]), [
      ["ORDERS", "orders.created"],
      ["billing_ORDERS", "orders.created"],
    ]);
    await publish(one.url, { from: "shop", bad: true }, "b");
    const letters = async (folder: string, namespace?: string) =>
      (JSON.parse((await run(folder, ["dead-letters", "list", "--json"], namespace)).text) as { error: string }[])
        .map(({ error }) => error);
    await eventually(async () => (await letters(shop)).length === 2, { every: 500 });
    assert.deepEqual(await letters(shop), ["NonRetryableError: bad in shop", "NonRetryableError: bad in shop"]);
    await eventually(async () => (await letters(billing, "billing")).length === 1, { every: 500 });
    assert.deepEqual(await letters(billing, "billing"), ["NonRetryableError: bad in billing"]);
    const discarded = await run(billing, ["dead-letters", "discard", "--all"], "billing");
    assert.deepEqual(discarded, { code: 0, text: "1 discarded" });
    assert.equal((await letters(shop)).length, 2);
    const info = async (admin: string) =>
      readPage(await (await fetch(`${admin}/metrics`)).text()).find(({ name }) => name === "target_info")?.labels;
    assert.equal((await info(one.admin))?.weir_namespace, undefined);
    assert.equal((await info(two.admin))?.weir_namespace, "billing");
  });

  await t.step("events tail shows the events and the processes of its own namespace", async () => {
    const tail = bench.start(billing, ["events", "tail", "--json", "--limit", "6"], "billing");
    let ended = false, n = 0;
    tail.status.then(() => ended = true);
    await eventually(async () => {
      await publish(one.url, { from: "shop" }, `tail-${n}`);
      await publish(two.url, { from: "billing" }, `tail-${n++}`);
      return ended;
    }, { every: 100 });
    const lines = tail.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    assert.equal(lines.length, 6, tail.lines.join("\n"));
    for (const { kind, type, data, stream } of lines) {
      assert.equal(type, "orders.created");
      if (kind === "published") assert.equal(data.from, "billing");
      else assert.equal(stream, "billing_ORDERS");
    }
  });

  await t.step("plan and apply --prune of one see nothing of the other", async () => {
    billingProcess.kill("SIGTERM");
    assert.equal((await billingProcess.status).code, 0);
    await Deno.remove(`${billing}/functions/extra.ts`);
    const own = steps((await run(billing, ["plan", "--json"], "billing")).text);
    assert.deepEqual(own.filter(({ name }) => !/^billing_/.test(name)), []);
    assert.deepEqual(own.filter(({ kind }) => kind === "orphan").map(({ name, stream }) => `${stream} ${name}`), [
      "billing_ORDERS billing_extra",
      "billing_RETRIES billing_extra",
    ]);
    await eventually(async () => (await jsm.consumers.info("billing_ORDERS", "billing_extra")).num_waiting === 0);
    await eventually(async () => (await jsm.consumers.info("billing_RETRIES", "billing_extra")).num_waiting === 0);
    const pruned = await run(billing, ["apply", "--prune"], "billing");
    assert.equal(pruned.code, 0, pruned.text);
    assert.deepEqual(await durables("billing_RETRIES"), ["billing_handle"]);
    assert.deepEqual(await durables("RETRIES"), ["extra", "handle"]);
    const others = await run(shop, ["plan", "--json"]);
    assert.equal(others.code, 0, others.text);
    assert.deepEqual(steps(others.text).filter(({ kind, name }) => kind !== "same" || /billing/.test(name)), []);
  });

  shopProcess.kill("SIGTERM");
  assert.equal((await shopProcess.status).code, 0);
});
