import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import type { DelayedRetry } from "../../runtime/core/delayed_retry.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Told = defineEvent({ type: "demo.told", version: 1, data: z.object({ n: z.int() }) });

Deno.test("[G20] RetryAfterError of five seconds takes the event out of its consumer, survives restarts of server and process, and keeps its attempts", async () => {
  await using server = await startServer();
  const attempts: unknown[] = [];
  const back = Promise.withResolvers<void>();
  let first = Promise.withResolvers<void>();
  const patient = defineFunction({ on: Asked }, ({ id, type, subject, data }, ctx) => {
    attempts.push({ attempt: ctx.attempt, id, type, subject, data });
    first.resolve();
    if (ctx.attempt < 3) throw new RetryAfterError("5s");
    back.resolve();
  });
  const other = defineFunction({ on: Asked }, () => {});
  const before = await startTestRuntime({ functions: { patient, other }, server });
  await before.publish(Asked, { n: 1 }, { id: "event-1" });
  await first.promise;
  await before.stop();
  await server.restart();

  first = Promise.withResolvers();
  await using after = await startTestRuntime({ functions: { patient, other }, server });
  const status = await (await fetch(`${after.adminUrl}/functions`)).json();
  assert.deepEqual(status.map(({ ackPending }: { ackPending: number }) => ackPending), [0, 0]);
  await back.promise;
  const same = { id: "event-1", type: "demo.asked", subject: "demo.asked", data: { n: 1 } };
  assert.deepEqual(attempts, [{ attempt: 1, ...same }, { attempt: 2, ...same }, { attempt: 3, ...same }]);
});

Deno.test("/retries lists delayed retries with reason and due time, and cancels one", async (t) => {
  const failed = Promise.withResolvers<void>();
  let runs = 0;
  const patient = defineFunction({ on: Asked, emits: [Told] }, () => {
    if (++runs === 3) failed.resolve();
    throw new RetryAfterError("1h", "busy");
  });
  const other = defineFunction({ on: Told }, () => {});
  await using runtime = await startTestRuntime({ functions: { patient, other } });
  for (const n of [1, 2, 3]) await runtime.publish(Asked, { n }, { id: `event-${n}` });
  await failed.promise;
  const admin = async (path: string, method = "GET") => {
    const response = await fetch(runtime.adminUrl + path, { method });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  const list = async (query = "") => (await admin(`/retries${query}`)).body as DelayedRetry[];
  await eventually(async () => (await list()).length === 3);
  const events = await list();

  await t.step("GET /retries lists reason, error and due time, and filters", async () => {
    const { sequence, due, streamSequence, id, ...first } = events[0];
    assert.deepEqual(first, {
      kind: "retry",
      function: "patient",
      type: "demo.asked",
      attempts: 1,
      reason: "retry-after",
      error: "RetryAfterError: busy",
      stream: "DEMO",
    });
    assert.ok(sequence > 0);
    assert.equal(id, `event-${streamSequence}`);
    const waitMs = Date.parse(due) - Date.now();
    assert.ok(waitMs > 3_500_000 && waitMs <= 3_600_000, `it is due in ${waitMs} ms`);
    assert.equal((await list("?function=patient&type=demo.asked&limit=2")).length, 2);
    assert.deepEqual(await list("?function=other"), []);
    assert.deepEqual(await list("?type=demo.told"), []);
    assert.equal((await admin("/retries?limit=many")).status, 400);
  });

  await t.step("DELETE /retries/{sequence} makes a dead letter of it, which can be redriven", async () => {
    const [{ sequence, id }] = events;
    assert.equal((await admin(`/retries/${sequence}`, "DELETE")).status, 204);
    assert.equal((await admin(`/retries/${sequence}`, "DELETE")).status, 404);
    assert.equal((await list()).length, 2);
    const [letter] = (await admin("/dead-letters")).body;
    assert.deepEqual([letter.id, letter.reason, letter.attempts], [id, "cancelled", 1]);
    assert.match(letter.error, /^CancelledError: its delayed retry was cancelled; it was delayed for: .*busy/);
    const { body } = await admin(`/dead-letters/${letter.sequence}`);
    assert.deepEqual(body.data, { n: letter.streamSequence });
    assert.equal((await admin(`/dead-letters/${letter.sequence}/redrive`, "POST")).status, 202);
    await eventually(async () => (await list()).length === 3 && runs === 4);
  });

  await t.step("DELETE /retries/{sequence} refuses anything but a delayed retry", async () => {
    assert.equal((await admin("/retries/999999", "DELETE")).status, 404);
    assert.equal((await admin("/retries/x", "DELETE")).status, 400);
  });
});
