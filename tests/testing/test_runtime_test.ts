import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { assertAcked, assertDeadLettered, assertEmitted, assertRetried, startTestRuntime } from "weir/testing";
import { z } from "zod";
import { copyProject } from "../support/project.ts";
import { CHECK_OPTION } from "../support/type_check.ts";
import { startDeno } from "../support/weir_process.ts";

const Ordered = defineEvent({ type: "shop.ordered", version: 1, data: z.object({ order: z.string() }) });
const Packed = defineEvent({ type: "shop.packed", version: 1, data: z.object({ order: z.string(), box: z.int() }) });
const Sent = defineEvent({ type: "shop.sent", version: 1, data: z.object({ order: z.string() }) });

/** Functions that pack two boxes an order, fail to send each box once, and count slowly. */
function shop() {
  const failed = new Set<string>(), counted: string[] = [];
  const pack = defineFunction({ on: Ordered, emits: [Packed] }, ({ data: { order } }, ctx) => {
    for (const box of [1, 2]) ctx.emit(Packed, { order, box });
  });
  const send = defineFunction(
    {
      on: Packed,
      emits: [Sent],
      retry: { initial: "20ms", jitter: "none" },
      breaker: { consecutiveFailures: 1_000 },
    },
    ({ id, data: { order } }, ctx) => {
      if (failed.size < failed.add(id).size) throw new Error("not yet");
      ctx.emit(Sent, { order });
    },
  );
  const count = defineFunction({ on: [Ordered, Sent] }, async ({ data: { order } }) => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    counted.push(order);
  });
  return { functions: { pack, send, count }, counted };
}

Deno.test("TestRuntime.publishAndSettle waits for every delivery that the event causes", async () => {
  const { functions, counted } = shop();
  await using runtime = await startTestRuntime({ functions });
  const { id, stored, settled } = await runtime.publishAndSettle(Ordered, { order: "o1" });
  assert.deepEqual([stored.stream, stored.sequence], ["SHOP", 1]);
  assert.equal(counted.length, 3);
  assert.deepEqual(settled.map((entry) => `${entry.function} ${entry.attempt} ${entry.outcome.kind}`).sort(), [
    "count 1 ack",
    "count 1 ack",
    "count 1 ack",
    "pack 1 ack",
    "send 1 retry",
    "send 1 retry",
    "send 2 ack",
    "send 2 ack",
  ]);
  const [pack, send] = ["pack", "send"].map((name) => settled.find((entry) => entry.function === name)!);
  assert.deepEqual(pack.event, { id, type: "shop.ordered", data: { order: "o1" } });
  assertAcked(pack);
  assertEmitted(pack, Packed, { box: 2 });
  assertRetried(send, { reason: "failed", delayMs: 20 });
  assert.ok(settled.every(({ durationMs }) => durationMs >= 0));
  assert.deepEqual(runtime.settled, settled);
});

Deno.test("TestRuntime.publishAndSettle keeps the deliveries of concurrent events apart", async () => {
  const { functions, counted } = shop();
  await using runtime = await startTestRuntime({ functions });
  const orders = Array.from({ length: 20 }, (_, i) => `o${i}`);
  const all = await Promise.all(orders.map((order) => runtime.publishAndSettle(Ordered, { order })));
  assert.equal(counted.length, 60);
  for (const [i, { settled }] of all.entries()) {
    assert.equal(settled.length, 8);
    assert.ok(settled.every(({ event: { data } }) => (data as { order: string }).order === orders[i]));
  }
  assert.equal(runtime.settled.length, 160);
});

Deno.test("TestRuntime.publishAndSettle settles an event without functions once it is stored", async () => {
  await using runtime = await startTestRuntime({ functions: {}, schemas: [Ordered] });
  assert.deepEqual((await runtime.publishAndSettle(Ordered, { order: "o1" })).settled, []);
});

Deno.test("TestRuntime.publishAndSettle returns at once for a duplicate", async () => {
  const { functions } = shop();
  await using runtime = await startTestRuntime({ functions });
  const first = await runtime.publishAndSettle(Ordered, { order: "o1" }, { id: "twice" });
  const second = await runtime.publishAndSettle(Ordered, { order: "o1" }, { id: "twice" });
  assert.deepEqual([second.stored.duplicate, second.settled], [true, first.settled]);
});

Deno.test("TestRuntime.publishAndSettle waits for delayed retries only with `waitForRetries`", async () => {
  let runs = 0;
  const later = defineFunction({ on: Ordered }, () => {
    if (runs++ === 0) throw new RetryAfterError("5s");
  });
  await using runtime = await startTestRuntime({ functions: { later } });
  const data = { order: "o1" };
  const { id, settled } = await runtime.publishAndSettle(Ordered, data);
  assert.equal(settled.length, 1);
  assertRetried(settled[0], { reason: "retry-after", delayMs: 5_000 });
  const { settled: both } = await runtime.publishAndSettle(Ordered, data, { id, waitForRetries: true, timeout: "90s" });
  assert.deepEqual(both.map(({ attempt, outcome }) => [attempt, outcome.kind]), [[1, "retry"], [2, "ack"]]);
});

Deno.test("TestRuntime.publishAndSettle and waitForDeadLetter see a dead letter", async () => {
  const refuse = defineFunction({ on: Ordered }, () => {
    throw new NonRetryableError("never");
  });
  await using runtime = await startTestRuntime({ functions: { refuse } });
  const { settled: [entry] } = await runtime.publishAndSettle(Ordered, { order: "o1" });
  assertDeadLettered(entry, { reason: "rejected" });
  await runtime.waitForDeadLetter("refuse");
});

Deno.test("TestRuntime.publishAndSettle fails at the timeout with each open delivery", async () => {
  const release = Promise.withResolvers<void>();
  const pack = defineFunction({ on: Ordered, emits: [Packed] }, ({ data: { order } }, ctx) => {
    ctx.emit(Packed, { order, box: 1 });
  });
  const hangs = defineFunction({ on: Packed }, () => release.promise);
  await using runtime = await startTestRuntime({ functions: { pack, hangs } });
  const error = await runtime.publishAndSettle(Ordered, { order: "o1" }, { id: "e1", timeout: "3s" })
    .catch((error) => error);
  release.resolve();
  assert.match(error.message, /^"shop\.ordered" e1 and the events it caused were not settled within 3s:\n {2}hangs: /);
  assert.match(error.message, /"shop\.packed" emitted-\w{32} was not delivered, or is still being handled$/);
});

Deno.test("TestRuntime.publishAndSettle ignores functions that WEIR_FUNCTIONS leaves out", async () => {
  const { functions } = shop();
  await using runtime = await startTestRuntime({ functions, env: { WEIR_FUNCTIONS: "pack" } });
  const { settled } = await runtime.publishAndSettle(Ordered, { order: "o1" });
  assert.deepEqual(settled.map((entry) => entry.function), ["pack"]);
});

Deno.test("TestRuntime refuses unknown events and functions, invalid data, and calls after its stop", async () => {
  const { functions } = shop();
  const runtime = await startTestRuntime({ functions });
  const Unknown = defineEvent({ type: "nobody.knows", version: 1, data: z.unknown() });
  const unknown = { name: "TypeError", message: /^no function here names "nobody\.knows": .*`schemas`$/ };
  await assert.rejects(runtime.publishAndSettle(Unknown, 1), unknown);
  await assert.rejects(runtime.waitForEvent(Unknown), unknown);
  await assert.rejects(runtime.waitForDeadLetter("pak"), {
    message: /called "pak"; there are: "pack", "send", "count"$/,
  });
  await assert.rejects(runtime.publish(Ordered, { order: "o1" }, { id: "" }), /the id must not be empty/);
  // deno-lint-ignore no-explicit-any -- what the types refuse
  await assert.rejects(runtime.publish(Ordered, undefined as any), /the data is undefined, which JSON cannot hold/);
  await runtime.stop();
  await assert.rejects(runtime.publish(Ordered, { order: "o1" }), /this test runtime was stopped/);
});

Deno.test("TestRuntime.kv serves a handler that runs while the runtime stops", async () => {
  const begun = Promise.withResolvers<void>(), gate = Promise.withResolvers<void>(), stored: unknown[] = [];
  const keep = defineFunction({ on: Ordered }, async () => {
    begun.resolve();
    await gate.promise;
    stored.push(await runtime.kv("mine").put("x", 1));
  });
  const runtime = await startTestRuntime({ functions: { keep } });
  await runtime.publish(Ordered, { order: "o1" });
  await begun.promise;
  const stopped = runtime.stop();
  gate.resolve();
  await stopped;
  assert.equal(stored.length, 1);
});

Deno.test("startTestRuntime has no types checked at a start, which would take `deno test` seconds each time", async () => {
  await using project = await copyProject();
  await Deno.writeTextFile(
    `${project.path}/tests/starts_test.ts`,
    `import { defineFunction } from "weir";
     import { startTestRuntime } from "weir/testing";
     for (const n of [1, 2]) {
       Deno.test(String(n), async () => {
         await using _runtime = await startTestRuntime({ functions: { f: defineFunction({ on: "a.b" }, () => {}) } });
       });
     }`,
  );
  const args = ["test", CHECK_OPTION, "-A", "tests/starts_test.ts"];
  await using program = startDeno(project.path, args, { NO_COLOR: "1" });
  assert.equal((await program.status).code, 0, program.lines.join("\n"));
  assert.deepEqual(program.lines.filter((line) => line.startsWith("Check ")), ["Check tests/starts_test.ts"]);
});
