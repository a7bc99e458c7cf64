import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { z } from "zod";
import { publishAsync } from "../../runtime/engine/publisher.ts";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { changeWarnings } from "../../runtime/app/change_warnings.ts";
import { type Cluster, connectCluster } from "../../runtime/app/cluster.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { applyPlan } from "../../runtime/nats/topology/apply_plan.ts";
import type { Step } from "../../runtime/nats/topology/step.ts";
import { planCluster } from "../../runtime/nats/topology/plan_cluster.ts";
import { type Runtime, startRuntime } from "../../runtime/app/runtime.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { desiredState } from "../../runtime/app/desired_state.ts";
import { eventually } from "../support/eventually.ts";

const Placed = defineEvent({ type: "orders.placed", version: 1, data: z.object({ n: z.int() }) });
const Shipped = defineEvent({ type: "stock.shipped", version: 1, data: z.object({ n: z.int() }) });

interface Bench extends AsyncDisposable {
  readonly server: NatsServer;
  /** Connected as a user with all permissions. */
  readonly admin: Cluster;
  readonly handled: string[];
  readonly log: { level: string; message: string; error?: unknown }[];
  /** Lines of the server's log about permission violations. */
  readonly violations: string[];
  /** Warnings of the plans so far, for a later schema that refuses every event. */
  readonly warnings: readonly string[];
  apply(): Promise<void>;
  /** Plans as a user who may change nothing. */
  plan(): Promise<Step[]>;
  /** Starts as the user with the permissions in deploy/README.md. */
  start(apply?: boolean): Promise<Runtime>;
  publish(n: number): Promise<unknown>;
}

async function setup(): Promise<Bench> {
  const readme = await Deno.readTextFile(new URL("../../deploy/README.md", import.meta.url));
  const [, permissions] = /```\n(publish: \{[^`]*)```/.exec(readme)!;
  const [, more] = /`plan` also needs `([^`]+)`/.exec(readme)!;
  const planning = permissions.replace("allow: [", `allow: [ "${more}"`).replace(/"\$JS\.API\.CONSUMER\.CREATE.*/, "");
  const violations: string[] = [];
  const server = await startServer({
    config: `authorization { users: [
      { user: admin, password: p }
      { user: app, password: p, permissions: { ${permissions} } }
      { user: planner, password: p, permissions: { ${planning} } }
    ] }`,
    log: (line) => /violation/i.test(line) && violations.push(line),
  });
  const all = new AsyncDisposableStack();
  all.defer(() => server.stop());
  const environment = (user: string): Record<string, string> => ({
    NATS_URL: `nats://${user}:p@127.0.0.1:${server.port}`,
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
  });
  const config = (user: string) => readConfig({ get: (name) => environment(user)[name], readFile: () => "" });
  const admin = await connectCluster(config("admin"));
  all.defer(() => admin.close());
  const handled: string[] = [], log: Bench["log"] = [], warnings: string[] = [];
  const work = defineFunction({ on: Placed, emits: [Shipped], idempotency: true }, async ({ data }, ctx) => {
    if (data.n === 2) throw new NonRetryableError("no");
    if (data.n === 3 && ctx.attempt === 1) throw new RetryAfterError("5s");
    if (data.n === 4 && ctx.attempt === 1) throw new Error("once more");
    if (data.n === 5) await ctx.kv("ledger").put("last", data.n);
    ctx.emit(Shipped, { n: data.n });
  });
  const ship = defineFunction({ on: Shipped }, ({ data }) => void handled.push(`shipped ${data.n}`));
  const registry = registryOf({ work, ship });
  const write = (line: string) => void log.push(JSON.parse(line));
  return {
    server,
    admin,
    handled,
    log,
    violations,
    warnings,
    apply: async () => {
      const applied = await applyPlan(admin, desiredState(config("admin"), registry), ["work", "ship"]);
      assert.deepEqual(applied.flatMap(({ problem }) => problem ?? []), []);
    },
    plan: async () => {
      const { nc, jsm, close } = await connectCluster(config("planner"));
      const steps = await planCluster(nc, jsm, desiredState(config("planner"), registry), ["work", "ship"]);
      const later = { ...Placed, data: z.object({ n: z.string() }) }; // a schema that refuses what waits
      const { functions } = registryOf({ work: defineFunction({ on: later }, () => {}) });
      warnings.push(...await changeWarnings({ nc, jsm }, functions, steps));
      await close();
      return steps;
    },
    start: async (apply = false) => {
      const logger = new Logger({ level: "info", format: "json", write });
      const runtime = await startRuntime(config("app"), registry, logger, { apply });
      all.defer(() => runtime.stop());
      return runtime;
    },
    publish: (n) =>
      publishAsync(admin.publisher, {
        id: `order-${n}`,
        type: Placed.type,
        source: "/test",
        time: new Date().toISOString(),
        json: JSON.stringify({ n }),
      }),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

Deno.test("start --no-apply changes nothing, and names everything that is missing", async () => {
  await using bench = await setup();
  await assert.rejects(bench.start(), (error: Error & { problems: string[] }) => {
    assert.deepEqual(error.problems, [
      "stream ORDERS is missing",
      "stream STOCK is missing",
      "stream DEAD_LETTERS is missing",
      "stream RETRIES is missing",
      "bucket weir_attempts is missing",
      "bucket weir_inbox is missing",
      "consumer work on stream ORDERS is missing",
      "consumer work on stream RETRIES is missing",
      "consumer ship on stream STOCK is missing",
      "consumer ship on stream RETRIES is missing",
    ]);
    assert.match(error.message, /\nwith --no-apply a start changes nothing: run `deno task apply` first$/);
    return true;
  });
  assert.deepEqual(await Array.fromAsync(bench.admin.jsm.streams.names()), []);
  assert.deepEqual(bench.violations, []);
});

Deno.test("start names the permission that it lacks to create a stream, and --no-apply", async () => {
  await using bench = await setup();
  await assert.rejects(bench.start(true), (error: Error & { problems: string[] }) => {
    assert.equal(
      error.problems[0],
      'stream ORDERS: this NATS user may not create it (Permissions Violation for Publish to "$JS.API.STREAM.CREATE.' +
        'ORDERS"): run `deno task apply` as a user who may, and start with --no-apply',
    );
    return true;
  });
});

Deno.test("plan needs no permission to change anything", async () => {
  await using bench = await setup();
  assert.equal((await bench.plan()).every(({ kind }) => kind === "create"), true);
  await bench.apply();
  for (const n of [1, 2, 3]) await bench.publish(n);
  await bench.admin.jsm.consumers.delete("ORDERS", "work");
  await bench.admin.jsm.consumers.update("STOCK", "ship", { filter_subjects: ["stock.counted"] });
  const steps = (await bench.plan()).filter(({ kind }) => kind !== "same");
  assert.deepEqual(steps.map(({ kind, name }) => `${kind} ${name}`), ["create work", "update ship"]);
  assert.match(bench.warnings[0], /^work: 3 of 3 events that wait in ORDERS do not match/);
  assert.deepEqual(bench.violations, []);
});

Deno.test("start --no-apply refuses a consumer that differs from its declaration, and names the difference", async () => {
  await using bench = await setup();
  await bench.apply();
  await bench.admin.jsm.consumers.update("STOCK", "ship", { max_deliver: 3 });
  await assert.rejects(bench.start(), /consumer ship on stream STOCK: max_deliver is 3 and should be -1/);
  assert.equal((await bench.admin.jsm.consumers.info("STOCK", "ship")).config.max_deliver, 3);
});

Deno.test("start --no-apply needs no permission beyond those in deploy/README.md", async (t) => {
  await using bench = await setup();
  await bench.apply();
  await bench.start();
  const { jsm } = bench.admin;

  await t.step("handles, emits, delays, retries and dead-letters events", async () => {
    for (const n of [1, 2, 3, 4]) await bench.publish(n);
    await eventually(() => bench.handled.length === 3);
    assert.deepEqual(bench.handled.toSorted(), ["shipped 1", "shipped 3", "shipped 4"]);
    await eventually(async () => (await jsm.streams.info("DEAD_LETTERS")).state.messages === 1);
    await eventually(async () => (await jsm.streams.info("RETRIES")).state.messages === 0);
  });

  await t.step("ctx.kv does not create a missing bucket, and names the command that does", async () => {
    await bench.publish(5);
    await eventually(() => bench.log.some((line) => JSON.stringify(line).includes("there is no key-value bucket")));
    const line = bench.log.find((line) => JSON.stringify(line).includes("there is no key-value bucket"));
    assert.match(
      JSON.stringify(line),
      /no key-value bucket \\"ledger\\", and with --no-apply none is created: .*deno task apply --bucket/,
    );
    await jsm.streams.add({ name: "KV_ledger", subjects: ["$KV.ledger.>"], max_msgs_per_subject: 1 });
    await eventually(() => bench.handled.includes("shipped 5"));
  });

  await t.step("LateDedup finds an event that was stored before", async () => {
    const app = await connectCluster(readConfig({
      get: (name) => name === "NATS_URL" ? `nats://app:p@127.0.0.1:${bench.server.port}` : undefined,
      readFile: () => "",
    }));
    const found = await app.duplicates.find("orders.placed", "/test order-1", Date.now() - 3_600_000);
    assert.equal(found?.sequence, 1);
    await app.close();
  });

  await t.step("logs a missing consumer until it is created", async () => {
    const missing = () =>
      bench.log.filter(({ level, message }) =>
        level === "error" &&
        message === "streams or consumers are not as declared, and this process may not change them"
      ).length;
    await jsm.consumers.delete("STOCK", "ship");
    await eventually(() => missing() >= 2);
    await assert.rejects(jsm.consumers.info("STOCK", "ship"));
    await bench.apply();
    await bench.publish(6);
    await eventually(() => bench.handled.includes("shipped 6"));
  });

  assert.deepEqual(bench.violations, []);
});
