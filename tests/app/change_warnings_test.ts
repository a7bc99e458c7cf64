import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import {
  defineEvent,
  defineFunction,
  defineStream,
  type FunctionDefinition,
  NonRetryableError,
  RetryAfterError,
} from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { changeWarnings } from "../../runtime/app/change_warnings.ts";
import { desiredState } from "../../runtime/app/desired_state.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { applyPlan } from "../../runtime/nats/topology/apply_plan.ts";
import { planCluster } from "../../runtime/nats/topology/plan_cluster.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { connectCluster } from "../../runtime/app/cluster.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

const event = (data: z.ZodType, type = "demo.asked") => defineEvent({ type, version: 1, data });
const Number_ = event(z.object({ n: z.int() })), Text = event(z.object({ n: z.string() }));
const Told = event(z.object({}), "demo.told");

/** A server on which projects are applied one after the other, and the warnings of the next. */
async function setup() {
  const server = await startServer();
  const config = readConfig({ get: (name) => name === "NATS_URL" ? server.url : undefined, readFile: () => "" });
  const cluster = await connectCluster(config), { nc, jsm } = cluster;
  type Project = [functions: Record<string, unknown>, schemas?: unknown[]];
  const prepare = (...[functions, schemas]: Project) => {
    const registry = registryOf(functions as Record<string, FunctionDefinition>, schemas);
    return { registry, desired: desiredState(config, registry), names: registry.functions.map(({ name }) => name) };
  };
  return {
    server,
    cluster,
    apply: async (...project: Project) => {
      const { desired, names } = prepare(...project);
      await applyPlan(cluster, desired, names);
    },
    warnings: async (...project: Project) => {
      const { registry, desired, names } = prepare(...project);
      return await changeWarnings({ nc, jsm }, registry.functions, await planCluster(nc, jsm, desired, names));
    },
    store: async (count: number, data: unknown, subject = "demo.asked") => {
      const js = jetstream(nc);
      for (let n = 0; n < count; n++) await js.publish(subject, JSON.stringify(data));
    },
    /** Waits until the consumer counts its pending events. */
    pending: (count: number) => eventually(async () => (await jsm.consumers.info("DEMO", "fn")).num_pending === count),
    [Symbol.asyncDispose]: async () => {
      await cluster.close();
      await server.stop();
    },
  };
}

const on = (trigger: unknown, options = {}) => ({ fn: defineFunction({ on: trigger as never, ...options }, () => {}) });

Deno.test("changeWarnings says nothing while the project handles all that waits", async () => {
  await using bench = await setup();
  assert.deepEqual(await bench.warnings(on(Number_)), []);
  await bench.apply(on(Number_));
  await bench.store(3, { n: 1 });
  await bench.pending(3);
  assert.deepEqual(await bench.warnings(on(Number_)), []);
});

Deno.test("changeWarnings counts and shows waiting events that a changed schema refuses", async () => {
  await using bench = await setup();
  await bench.apply(on(Number_));
  await bench.store(2, { n: 1 });
  await bench.store(3, { n: "x" });
  await bench.pending(5);
  const what = "do not match and become dead letters, `invalid`: let the schema take them too, with new fields " +
    "optional or with a default, or declare another type. ";
  const shown = (seq: number, given: string, wanted: string) =>
    `DEMO ${seq} (demo.asked): does not match the schema of its type: n: Invalid input: expected ${wanted}, received ${given}`;
  assert.deepEqual(await bench.warnings(on(Text)), [
    `fn: 2 of 5 events that wait in DEMO ${what}${shown(1, "number", "string")} | ${shown(2, "number", "string")}`,
  ]);
  assert.deepEqual(await bench.warnings({ fresh: on(Number_).fn, ...on(Number_) }), [
    ...["fresh", "fn"].map((name) =>
      `${name}: 3 of 5 events that wait in DEMO ${what}` +
      [3, 4, 5].map((seq) => shown(seq, "string", "number")).join(" | ")
    ),
  ]);
});

for (const direct of [true, false]) {
  Deno.test(`changeWarnings reads a bounded part of a large backlog${direct ? "" : ", without direct reads"}`, async () => {
    await using bench = await setup();
    await bench.apply(on(Number_));
    if (!direct) await bench.cluster.jsm.streams.update("DEMO", { allow_direct: false });
    await bench.store(400, { n: 1 });
    await bench.store(200, { n: "x" });
    await bench.pending(600);
    const [text, ...others] = await bench.warnings(on(Text));
    assert.deepEqual(others, []);
    assert.match(
      text,
      direct
        ? /^fn: 300 of 500 events that wait in DEMO .* \(the oldest and the newest of 600 were read\): /
        : /^fn: 50 of 50 events that wait in DEMO .* \(the oldest 50 were read\): /,
    );
  });
}

Deno.test("changeWarnings says what becomes of retries and dead letters, also of a removed trigger", async () => {
  await using bench = await setup();
  const failing = defineFunction({ on: [Number_, Told] }, ({ type }) => {
    if (type === "demo.told") throw new NonRetryableError("never");
    throw new RetryAfterError("1h", "later");
  });
  {
    await using runtime = await startTestRuntime({ functions: { fn: failing }, server: bench.server });
    await runtime.publishAndSettle(Number_, { n: 1 });
    await runtime.publishAndSettle(Told, {});
  }
  assert.deepEqual(await bench.warnings(on([Number_, Told])), []);
  const [retries, letters, ...others] = await bench.warnings(on(Text));
  assert.deepEqual(others, []);
  assert.match(
    retries,
    /^fn: 1 of 1 retries do not match and become dead letters.* RETRIES \d+ \(demo\.asked\): does not/,
  );
  assert.match(letters, /^fn: 1 of 1 dead letters, if they are redriven, are of a trigger that it no longer has/);
  const [lowered] = await bench.warnings(on([Number_, Told], { retry: { attempts: 1 } }));
  assert.match(lowered, /^fn: 1 of 1 retries have used up more attempts than it allows, .*`attempts-exhausted`/);
  const [old] = await bench.warnings(on([Number_, Told], { maxAge: 1 }));
  assert.match(old, /^fn: 1 of 1 retries are older than its `maxAge`/);
});

Deno.test("changeWarnings counts waiting events of a removed trigger, and those older than a shorter maxAge", async () => {
  await using bench = await setup();
  await bench.apply(on([Number_, Told]));
  await bench.store(2, {}, "demo.told");
  await bench.store(3, { n: 1 });
  await bench.pending(5);
  const { jsm } = bench.cluster, last = (await jsm.streams.getMessage("DEMO", { seq: 5 }))!.time.getTime();
  await eventually(() => Date.now() > last + 2);
  const warnings = await bench.warnings(on(Number_, { maxAge: 1 }));
  assert.match(
    warnings[0],
    /^fn: 2 of 2 events that wait in DEMO are of a trigger that it no longer has, .*keep the trigger/,
  );
  const age = "older than its `maxAge` of 1ms, and become dead letters, `expired`";
  assert.ok(warnings.includes(`fn: 5 events that wait in DEMO are ${age}: a longer \`maxAge\``), warnings.join("\n"));
  const [fresh] = await bench.warnings({ ...on([Number_, Told]), fresh: on(Number_, { maxAge: 1 }).fn });
  assert.equal(
    fresh,
    `fresh: begins with 3 stored events of DEMO, of which 3 are ${age}: \`from\` lets it begin later, and a longer ` +
      "`maxAge` handles them",
  );
});

Deno.test("changeWarnings counts what waits in the former stream of a type, and says what brings it to its function", async () => {
  await using bench = await setup();
  const { jsm } = bench.cluster,
    next = (...subjects: string[]) => [
      defineStream({ name: "DEMO", subjects: ["old.demo"] }),
      defineStream({ name: "NEXT", subjects }),
    ];
  await bench.apply(on([Number_, Told]));
  await bench.store(3, { n: 1 });
  await bench.store(2, {}, "demo.told");
  await bench.pending(5);
  await jsm.streams.update("DEMO", { subjects: ["old.demo"] });
  const move = (type: string) =>
    `No process pulls them from there: \`deno task events move ${type} --from DEMO --to NEXT\` sends them to it, before ` +
    "`apply --prune`";
  assert.deepEqual(await bench.warnings(on([Number_, Told]), next("demo.>")), [
    `fn: 3 events of demo.asked wait in DEMO, and it has them in NEXT now. ${move("demo.asked")}`,
    `fn: 2 events of demo.told wait in DEMO, and it has them in NEXT now. ${move("demo.told")}`,
  ]);
  const stays = [
    defineStream({ name: "DEMO", subjects: ["demo.told"] }),
    defineStream({ name: "NEXT", subjects: ["demo.asked"] }),
  ];
  assert.deepEqual(await bench.warnings(on([Number_, Told]), stays), [
    "fn: 3 events of demo.asked wait in DEMO, and it has them in NEXT now. Its processes handle them as before, and " +
    "`deno task apply` takes them from its consumer on DEMO only once they are handled",
  ]);
});

Deno.test("changeWarnings counts unhandled events that a lower limit of their stream removes", async () => {
  await using bench = await setup();
  const stream = (limits: object) => [defineStream({ name: "DEMO", subjects: ["demo.>"], ...limits })];
  await bench.apply(on(Number_), stream({}));
  await bench.store(10, { n: 1 });
  await bench.pending(10);
  const { jsm } = bench.cluster, info = await jsm.streams.info("DEMO");
  const last = (await jsm.streams.getMessage("DEMO", { seq: 10 }))!.time.getTime();
  await eventually(() => Date.now() > last + 200); // the least age that JetStream takes is 100 ms
  const end = "that fn has not handled, without a dead letter: apply it once they are handled, or keep the limit";
  assert.deepEqual(await bench.warnings(on(Number_), stream({ maxAge: "100ms" })), [
    `stream DEMO: a maxAge of 100ms removes 10 events ${end}`,
  ]);
  const maxBytes = Math.ceil(info.state.bytes / 2);
  assert.deepEqual(await bench.warnings(on(Number_), stream({ maxBytes })), [
    `stream DEMO: a maxBytes of ${maxBytes} removes about 5 events ${end}`,
  ]);
});

Deno.test("changeWarnings says that `idempotency` is removed while events wait", async () => {
  await using bench = await setup();
  await bench.apply(on(Number_, { idempotency: true }));
  await jetstream(bench.cluster.nc).publish("$KV.weir_inbox.fn.key", '{"state":"done"}', { headers: headers() });
  assert.deepEqual(await bench.warnings(on(Number_)), []);
  await bench.store(1, { n: 1 });
  await bench.pending(1);
  assert.match(
    (await bench.warnings(on(Number_)))[0],
    /^fn: it has no `idempotency` any more, and .* of the 1 handled .* \(now 1, with/,
  );
  assert.deepEqual(await bench.warnings(on(Number_, { idempotency: true })), []);
});
