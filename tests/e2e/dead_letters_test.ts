import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { connectCluster } from "../../runtime/app/cluster.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { DeadLetterService } from "../../runtime/nats/dead_letters/service.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Told = defineEvent({ type: "demo.told", version: 1, data: z.object({ n: z.int() }) });
const NONE = { redriven: 0, "held-back": 0, "no-function": 0, "too-large": 0, parked: 0, missing: 0, failed: 0 };
const once = { attempts: 1 } as const;

async function admin(runtime: TestRuntime, path: string, method = "GET") {
  const response = await fetch(runtime.adminUrl + path, { method });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

async function stored(runtime: TestRuntime, count: number): Promise<void> {
  const nc = await connect({ servers: runtime.server.url });
  const jsm = await jetstreamManager(nc);
  await eventually(async () => (await jsm.streams.info("DEAD_LETTERS")).state.messages === count);
  await nc.close();
}

/** Starts two functions on one event. `failing` fails until `state.broken` is false. */
async function setup(count: number) {
  const state = { broken: true, failing: [] as number[], other: [] as number[] };
  const reached = Promise.withResolvers<void>();
  const failing = defineFunction({ on: Asked, retry: once, breaker: { consecutiveFailures: 100_000 } }, ({ data }) => {
    if (state.broken) throw new Error(`no ${data.n}`);
    state.failing.push(data.n);
    if (state.failing.length === count) reached.resolve();
  });
  const other = defineFunction({ on: Asked }, ({ data }) => void state.other.push(data.n));
  const runtime = await startTestRuntime({
    functions: { failing, other },
    schemas: [Told],
    env: { LOG_LEVEL: "error" },
  });
  await Promise.all(Array.from({ length: count }, (_, n) => runtime.publish(Asked, { n }, { id: `event-${n}` })));
  await stored(runtime, count);
  return { runtime, state, handledAll: reached.promise };
}

Deno.test("[G22] /dead-letters lists, shows, discards and redrives to the function that failed", async (t) => {
  const { runtime, state } = await setup(3);
  await using _ = runtime;
  await t.step("GET /dead-letters lists reason, error and origin, and filters", async () => {
    const { body } = await admin(runtime, "/dead-letters?function=failing&reason=attempts-exhausted&limit=2");
    assert.equal(body.length, 2);
    const { time, sequence, error, id, streamSequence, ...first } = body[0];
    assert.deepEqual(first, {
      function: "failing",
      reason: "attempts-exhausted",
      type: "demo.asked",
      attempts: 1,
      stream: "DEMO",
      redrives: 0,
    });
    assert.equal(sequence, 1);
    assert.match(`${id} ${error} ${streamSequence} ${time}`, /^event-\d Error: no \d \d 20\d\d-/);
    assert.deepEqual((await admin(runtime, "/dead-letters?function=other")).body, []);
    assert.deepEqual((await admin(runtime, "/dead-letters?reason=invalid")).body, []);
    assert.deepEqual((await admin(runtime, "/dead-letters?olderThan=1h")).body, []);
    assert.equal((await admin(runtime, "/dead-letters?newerThan=1h")).body.length, 3);
    assert.equal((await admin(runtime, "/dead-letters?limit=none")).status, 400);
  });
  await t.step("GET /dead-letters/{sequence} shows headers and data", async () => {
    const { body } = await admin(runtime, "/dead-letters/1");
    assert.equal(body.headers["weir-reason"], "attempts-exhausted");
    assert.ok(Number.isInteger(body.data.n));
    assert.equal((await admin(runtime, "/dead-letters/99")).status, 404);
  });
  await t.step("POST /dead-letters/{sequence}/redrive reaches only the function that failed", async () => {
    state.broken = false;
    const { status, body } = await admin(runtime, "/dead-letters/1/redrive", "POST");
    assert.deepEqual([status, body], [202, { outcome: "redriven" }]);
    await eventually(() => state.failing.length === 1);
    assert.equal((await admin(runtime, "/dead-letters")).body.length, 2);
    assert.equal(state.other.length, 3);
    assert.equal((await admin(runtime, "/dead-letters/1/redrive", "POST")).status, 404);
  });
  await t.step("DELETE /dead-letters/{sequence} discards one", async () => {
    assert.equal((await admin(runtime, "/dead-letters/2", "DELETE")).status, 204);
    assert.equal((await admin(runtime, "/dead-letters/2", "DELETE")).status, 404);
    assert.equal((await admin(runtime, "/dead-letters/9999", "DELETE")).status, 404);
    assert.deepEqual((await admin(runtime, "/dead-letters")).body.map((one: { sequence: number }) => one.sequence), [
      3,
    ]);
  });
});

Deno.test("redrive holds back a dead letter after three redrives, unless it is forced", async () => {
  const { runtime } = await setup(1);
  await using _ = runtime;
  for (let sequence = 1; sequence <= 3; sequence++) {
    assert.equal((await admin(runtime, `/dead-letters/${sequence}/redrive`, "POST")).status, 202);
    await eventually(async () => (await admin(runtime, `/dead-letters/${sequence + 1}`)).status === 200);
  }
  const { status, body } = await admin(runtime, "/dead-letters/4/redrive", "POST");
  assert.deepEqual([status, body.title], [409, "Held back"]);
  assert.equal((await admin(runtime, "/dead-letters/4")).body.redrives, 3);
  assert.deepEqual((await admin(runtime, "/dead-letters/redrive", "POST")).body, { ...NONE, "held-back": 1 });
  assert.equal((await admin(runtime, "/dead-letters/4/redrive?force=true", "POST")).status, 202);
});

Deno.test("[G22] DeadLetterService.redriveAll, interrupted and run again, redrives each dead letter once", async () => {
  const COUNT = 500;
  const { runtime, state, handledAll } = await setup(COUNT);
  await using _ = runtime;
  state.broken = false;
  const env: Record<string, string> = { NATS_URL: runtime.server.url };
  const cluster = await connectCluster(readConfig({ get: (name) => env[name], readFile: () => "" }));
  const service = new DeadLetterService(cluster);
  const interrupt = new AbortController();
  const first = await service.redriveAll({}, false, {
    signal: interrupt.signal,
    progress: ({ redriven }) => redriven >= 128 && interrupt.abort(),
  });
  assert.deepEqual(first, { ...NONE, redriven: 128 });
  const second = await service.redriveAll({}, false);
  assert.deepEqual(second, { ...NONE, redriven: COUNT - 128 });
  await handledAll;
  assert.deepEqual(state.failing.toSorted((a, b) => a - b), Array.from({ length: COUNT }, (_, n) => n));
  await cluster.close();
});

Deno.test("redrive keeps a dead letter whose function has no consumer, and says why", async () => {
  const { runtime, state } = await setup(3);
  await using _ = runtime;
  state.broken = false;
  const nc = await connect({ servers: runtime.server.url });
  const jsm = await jetstreamManager(nc);
  await jsm.consumers.delete("RETRIES", "failing");
  const lookups = nc.subscribe("$JS.API.CONSUMER.INFO.RETRIES.failing");
  await nc.flush();
  assert.deepEqual((await admin(runtime, "/dead-letters/redrive", "POST")).body, { ...NONE, "no-function": 3 });
  await nc.flush();
  assert.equal(lookups.getReceived(), 1);
  const { status, body } = await admin(runtime, "/dead-letters/1/redrive", "POST");
  assert.deepEqual([status, body.title, body.detail], [
    409,
    "No function",
    "no process runs its function, and the project has none of that name or has never started it: start the function, or discard the dead letter",
  ]);
  assert.equal((await admin(runtime, "/dead-letters")).body.length, 3);
  assert.equal((await jsm.streams.info("RETRIES")).state.messages, 0);
  await nc.close();
});

Deno.test("redrive keeps every header of the event, repeated ones too", async () => {
  const seen = Promise.withResolvers<unknown>();
  let broken = true;
  const failing = defineFunction({ on: Asked, retry: once }, ({ extensions }) => {
    if (broken) throw new Error("no");
    seen.resolve(extensions);
  });
  await using runtime = await startTestRuntime({ functions: { failing } });
  const nc = await connect({ servers: runtime.server.url });
  const hdrs = headers();
  hdrs.append("X-Tag", "a");
  hdrs.append("X-Tag", "b");
  hdrs.set("ce-tenant", "t1");
  nc.publish("demo.asked", '{"n":1}', { headers: hdrs });
  const jsm = await jetstreamManager(nc);
  await eventually(async () => (await jsm.streams.info("DEAD_LETTERS")).state.messages === 1);
  await jsm.consumers.pause("RETRIES", "failing", new Date(Date.now() + 60_000));
  assert.equal((await admin(runtime, "/dead-letters/1/redrive", "POST")).status, 202);
  assert.deepEqual((await jsm.streams.getMessage("RETRIES", { seq: 1 }))?.header.values("X-Tag"), ["a", "b"]);
  broken = false;
  await jsm.consumers.resume("RETRIES", "failing");
  assert.deepEqual(await seen.promise, { tenant: "t1" });
  await nc.close();
});
