import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { dataSchemaOf } from "../../runtime/core/schema_version.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

/** The same type in two releases: the earlier one refuses the data of the later one. */
const Before = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const After = defineEvent({ type: "demo.asked", version: 2, data: z.object({ n: z.string() }) });

const before = (ran: unknown[] = []) =>
  defineFunction({ on: Before }, ({ data }) => {
    ran.push(data.n);
  });

/** Waits until the earlier release has deferred an event of the later one, and checks that it did not bury it. */
async function deferred(runtime: TestRuntime): Promise<void> {
  const found = await eventually(() => runtime.settled.find(({ outcome }) => outcome.kind === "retry"));
  assert.ok(found.outcome.kind === "retry" && found.outcome.reason === "newer-version" && !found.outcome.usesAttempt);
  assert.ok(runtime.settled.every(({ outcome }) => outcome.kind === "retry"));
}

Deno.test("emit, the ingress and publish name the version of an event in ce-dataschema", async () => {
  const fn = defineFunction({ on: "demo.start", emits: [After] }, (_event, ctx) => ctx.emit(After, { n: "1" }));
  const Start = defineEvent({ type: "demo.start", version: 7, data: z.object({}) });
  await using runtime = await startTestRuntime({ functions: { fn }, schemas: [Start] });
  await runtime.publish(Start, {});
  const { headers } = await runtime.waitForEvent(After);
  assert.equal(headers["ce-dataschema"], dataSchemaOf("demo.asked", 2));
  assert.equal((await runtime.waitForEvent(Start)).headers["ce-dataschema"], dataSchemaOf("demo.start", 7));
});

Deno.test("[G17] a delivery of a later version waits for the release that knows it, and uses up no attempt", async () => {
  await using server = await startServer();
  const handled: unknown[] = [];
  const after = defineFunction({ on: After }, ({ data }, { attempt }) => void handled.push([data.n, attempt]));
  {
    await using old = await startTestRuntime({ functions: { fn: before(handled) }, server });
    await using publisher = await startTestRuntime({ functions: {}, schemas: [After], server });
    await publisher.publish(After, { n: "new" });
    await deferred(old);
    await old.publish(Before, { n: 1 });
    await eventually(() => handled.length === 1);
  }
  await using _next = await startTestRuntime({ functions: { fn: after }, server });
  await eventually(() => handled.length === 2);
  assert.deepEqual(handled, [1, ["new", 1]]);
});

Deno.test("a rolling deploy buries no event of the later version, whichever process receives it", async () => {
  await using server = await startServer();
  const handled: string[] = [], all = Promise.withResolvers<void>();
  const after = defineFunction({ on: After }, ({ data }) => {
    if (handled.push(data.n) === 20) all.resolve();
  });
  await using old = await startTestRuntime({ functions: { fn: before() }, server });
  await using next = await startTestRuntime({ functions: { fn: after }, server });
  for (let n = 0; n < 20; n++) await next.publish(After, { n: `${n}` });
  await all.promise;
  assert.deepEqual(handled.toSorted((a, b) => Number(a) - Number(b)), Array.from({ length: 20 }, (_, n) => `${n}`));
  for (const { outcome } of [...old.settled, ...next.settled]) assert.notEqual(outcome.kind, "dead-letter");
});

Deno.test("a delayed retry of a later version waits for its release, with its attempts", async () => {
  await using server = await startServer();
  const attempts: number[] = [];
  const after = defineFunction({ on: After }, (_event, { attempt }) => {
    attempts.push(attempt);
    if (attempt === 1) throw new RetryAfterError("6s"); // waits in RETRIES
  });
  {
    await using next = await startTestRuntime({ functions: { fn: after }, server });
    await next.publishAndSettle(After, { n: "x" });
  }
  {
    await using old = await startTestRuntime({ functions: { fn: before() }, server });
    await deferred(old);
  }
  await using _next = await startTestRuntime({ functions: { fn: after }, server });
  await eventually(() => attempts.length === 2);
  assert.deepEqual(attempts, [1, 2]);
});

Deno.test("redrive of a dead letter of a later version waits for its release, and a later schema buries an earlier event", async () => {
  await using server = await startServer();
  const handled: string[] = [];
  {
    const after = defineFunction({ on: After }, () => {
      throw new NonRetryableError("not yet");
    });
    await using next = await startTestRuntime({ functions: { fn: after }, server });
    await next.publish(After, { n: "x" });
    await next.waitForDeadLetter("fn");
  }
  {
    await using old = await startTestRuntime({ functions: { fn: before() }, server });
    await redrive(old);
    await deferred(old);
  }
  const after = defineFunction({ on: After }, ({ data }) => void handled.push(data.n));
  await using next = await startTestRuntime({ functions: { fn: after }, server });
  await eventually(() => handled.length === 1);
  await using publisher = await startTestRuntime({ functions: {}, schemas: [Before], server });
  await publisher.publish(Before, { n: 1 });
  assert.equal((await next.waitForDeadLetter("fn")).headers["weir-reason"], "invalid");
});

async function redrive({ adminUrl }: TestRuntime): Promise<void> {
  const response = await fetch(`${adminUrl}/dead-letters/1/redrive`, { method: "POST" });
  assert.equal(response.status, 202, await response.text());
}
