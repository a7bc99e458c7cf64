import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { startTestRuntime } from "weir/testing";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { z } from "zod";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { eventually, WITHIN_MS } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

/** Events of each project and environment. Set the variable for a long run. */
const EVENTS = Number(Deno.env.get("WEIR_NAMESPACE_EVENTS") ?? 200);
/** Time limit in milliseconds for handling all of them. */
const WITHIN = WITHIN_MS + 50 * EVENTS;
/** Numbers of events of which the handler emits for one, refuses one, and fails once at one. */
const EMITS = 2, REFUSES = 50, FAILS = 25;

const Created = defineEvent({ type: "orders.created", version: 1, data: z.object({ n: z.int(), from: z.string() }) });
const Paid = defineEvent({ type: "orders.paid", version: 1, data: z.object({ n: z.int(), from: z.string() }) });

/** Starts the same two functions in a namespace, which record what they handle. */
async function startShop(server: NatsServer, namespace: string | undefined) {
  const handled: string[] = [], paid: string[] = [], failed = new Set<number>();
  const reserve = defineFunction(
    {
      on: Created,
      emits: [Paid],
      idempotency: true,
      retry: { initial: "10ms", attempts: 3 },
      breaker: { consecutiveFailures: 1e6 },
    },
    async ({ data: { n, from } }, ctx) => {
      if (n % REFUSES === 0) throw new NonRetryableError("refused");
      if (n % FAILS === 0 && !failed.has(n)) {
        failed.add(n);
        throw new Error("the first attempt fails");
      }
      if (n === 1) await ctx.kv<string>("stock").put("owner", from);
      handled.push(`${from} ${n}`);
      if (n % EMITS === 0) ctx.emit(Paid, { n, from });
    },
  );
  const record = defineFunction({ on: Paid }, ({ data: { n, from } }) => void paid.push(`${from} ${n}`));
  const env: Record<string, string> = namespace === undefined ? {} : { WEIR_NAMESPACE: namespace };
  const runtime = await startTestRuntime({ functions: { reserve, record }, server, env });
  return { runtime, handled, paid };
}

Deno.test("WEIR_NAMESPACE keeps projects and environments with equal functions, ids and keys apart on one account", async () => {
  await using server = await startServer();
  await using scope = new AsyncDisposableStack();
  const namespaces = [undefined, "shop", "shop-staging", "billing"];
  const shops = await Promise.all(namespaces.map((namespace) => startShop(server, namespace)));
  for (const { runtime } of shops) scope.use(runtime);
  const from = (i: number) => namespaces[i] ?? "none", range = Array.from({ length: EVENTS }, (_, n) => n + 1);
  await Promise.all(shops.map(async ({ runtime }, i) => {
    for (let at = 0; at < EVENTS; at += 100) {
      const group = range.slice(at, at + 100); // the same ids in each
      await Promise.all(group.map((n) => runtime.publish(Created, { n, from: from(i) }, { id: `order-${n}` })));
    }
  }));
  const expected = (i: number, every: (n: number) => boolean) =>
    range.filter((n) => n % REFUSES !== 0 && every(n)).map((n) => `${from(i)} ${n}`);
  const deadLetters = async ({ runtime }: (typeof shops)[number]) =>
    await (await fetch(`${runtime.adminUrl}/dead-letters?limit=1000`)).json() as { type: string; function: string }[];
  for (const [i, shop] of shops.entries()) {
    const all = expected(i, () => true), emitted = expected(i, (n) => n % EMITS === 0);
    await eventually(() => shop.handled.length >= all.length && shop.paid.length >= emitted.length, { within: WITHIN });
    await eventually(async () => (await deadLetters(shop)).length >= range.length - all.length);
  }
  for (const [i, shop] of shops.entries()) {
    const inOrder = (a: string, b: string) => Number(a.split(" ")[1]) - Number(b.split(" ")[1]);
    assert.deepEqual(shop.handled.toSorted(inOrder), expected(i, () => true), from(i));
    assert.deepEqual(shop.paid.toSorted(inOrder), expected(i, (n) => n % EMITS === 0), from(i));
    const letters = await deadLetters(shop);
    assert.equal(letters.length, Math.floor(EVENTS / REFUSES));
    assert.deepEqual([...new Set(letters.map((one) => `${one.function} ${one.type}`))], ["reserve orders.created"]);
    assert.equal((await shop.runtime.kv<string>("stock").get("owner"))?.value, from(i));
  }
  await assertNames(server, namespaces);
});

/** Asserts that every stream, subject and consumer is of one of the namespaces, and that all have the same ones. */
async function assertNames(server: NatsServer, namespaces: readonly (string | undefined)[]): Promise<void> {
  const nc = await connectNats({ servers: [server.url], name: "test" }), jsm = await jetstreamManager(nc);
  const names = (await Array.fromAsync(jsm.streams.names())).sort();
  const plain = ["DEAD_LETTERS", "KV_stock", "KV_weir_attempts", "KV_weir_inbox", "ORDERS", "RETRIES"];
  const named = namespaces.flatMap((namespace) =>
    plain.map((name) => namespace === undefined ? name : name.replace(/^(KV_)?/, `$1${namespace}_`))
  );
  assert.deepEqual(names, named.sort());
  for await (const { config } of jsm.streams.list()) {
    const [, kv = "", namespace] = /^(KV_)?(?:(.*)_)?(?:weir_)?[A-Za-z]+$/.exec(config.name.replace("DEAD_", ""))!;
    if (namespace === undefined || !namespaces.includes(namespace)) continue;
    for (const subject of config.subjects ?? []) {
      assert.ok(subject.startsWith(kv ? `$KV.${namespace}_` : `${namespace}.`), `${config.name}: ${subject}`);
    }
    for await (const { name, config: { durable_name } } of jsm.consumers.list(config.name)) {
      if (durable_name) assert.ok(name.startsWith(`${namespace}_`), `${config.name}: ${name}`);
    }
  }
  await nc.close();
}

Deno.test("WEIR_NAMESPACE lets two environments read one stream that Weir does not own, and leaves its names alone", async () => {
  await using server = await startServer();
  const nc = await connectNats({ servers: [server.url], name: "test" }), jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: "LEGACY", subjects: ["legacy.>"] });
  const data = z.object({ n: z.int() });
  const Told = defineEvent({ type: "legacy.told", version: 1, data, stream: "LEGACY" });
  const Heard = defineEvent({ type: "heard.it", version: 1, data });
  const start = async (namespace: string) => {
    const heard: number[] = [];
    const listen = defineFunction({ on: Told, emits: [Heard] }, (event, ctx) => ctx.emit(Heard, event.data));
    const count = defineFunction({ on: Heard }, ({ data: { n } }) => void heard.push(n));
    const env = { WEIR_NAMESPACE: namespace };
    return { heard, runtime: await startTestRuntime({ functions: { listen, count }, server, env }) };
  };
  const production = await start("production"), staging = await start("staging");
  await using _production = production.runtime;
  await using _staging = staging.runtime;
  nc.publish("legacy.told", JSON.stringify({ n: 7 }));
  await production.runtime.publish(Told, { n: 8 });
  for (const { heard } of [production, staging]) {
    await eventually(() => heard.length === 2);
    assert.deepEqual(heard.toSorted(), [7, 8]);
  }
  const { config, state } = await jsm.streams.info("LEGACY");
  assert.deepEqual([config.subjects, state.messages, "weir-project" in (config.metadata ?? {})], [
    ["legacy.>"],
    2,
    false,
  ]);
  const consumers = (await Array.fromAsync(jsm.consumers.list("LEGACY"))).map(({ name, config }) => [
    name,
    config.filter_subjects,
  ]);
  assert.deepEqual(consumers.sort(), [["production_listen", ["legacy.told"]], ["staging_listen", ["legacy.told"]]]);
  assert.deepEqual((await jsm.streams.info("staging_HEARD")).config.subjects, ["staging.heard.>"]);
  await nc.close();
});

Deno.test("WEIR_NAMESPACE may be the first token of subjects in a stream that Weir does not own", async () => {
  await using server = await startServer();
  await using scope = new AsyncDisposableStack();
  const nc = scope.adopt(await connectNats({ servers: [server.url], name: "test" }), (nc) => nc.close());
  await (await jetstreamManager(nc)).streams.add({ name: "LEGACY", subjects: ["shop.legacy.>"] });
  const seen: string[] = [];
  const archive = defineFunction(
    { on: { pattern: "shop.legacy.*", stream: "LEGACY" }, decode: "text", retry: { initial: "10ms" } },
    ({ data, subject }, ctx) => {
      if (ctx.attempt === 1) throw new Error("once");
      seen.push(`${subject} ${data}`);
    },
  );
  await jetstream(nc).publish("shop.legacy.a", "before");
  const env = { WEIR_NAMESPACE: "shop" };
  await using _ = await startTestRuntime({ functions: { archive }, server, env });
  await jetstream(nc).publish("shop.legacy.b", "after");
  await eventually(() => seen.length === 2);
  assert.deepEqual(seen.toSorted(), ["shop.legacy.a before", "shop.legacy.b after"]);
});

Deno.test("plan, events record and dead-letters redrive know a type whose first token is WEIR_NAMESPACE", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({
    "schemas/orders.ts": `
      import { defineEvent } from "weir";
      import { z } from "zod";
      export const Created = defineEvent({ type: "orders.created", version: 1, data: z.object({}), ingress: {} });`,
    "functions/refuse.ts": `
      import { defineFunction, NonRetryableError } from "weir";
      import { Created } from "../schemas/orders.ts";
      export default defineFunction({ on: Created }, () => { throw new NonRetryableError("no"); });`,
  });
  const env = { NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", WEIR_NAMESPACE: "orders" };
  await using process = startWeir(project.path, ["start"], env);
  await process.waitForLog(({ message }) => message === "ready");
  const run = async (...args: string[]) => {
    await using program = startWeir(project.path, args, env);
    const { code } = await program.status, text = program.lines.join("\n");
    assert.equal(code, 0, text);
    return text;
  };
  await run("publish", "orders.created", "{}");
  await process.waitForLog(({ message }) => message === "dead letter: rejected");
  assert.match(await run("events", "record", "--dead-letter", "1"), /"(subject|type)": "orders\.created"/);
  assert.doesNotMatch(await run("plan", "--strict"), /dead letter/);
  await run("dead-letters", "redrive", "1");
  await eventually(() => process.lines.filter((line) => line.includes("dead letter: rejected")).length === 2);
});
