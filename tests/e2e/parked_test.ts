import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/broker/server.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("a long retry leaves its consumer, survives restarts of everything, and comes back with its attempts", async () => {
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
