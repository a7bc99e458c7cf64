import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Told = defineEvent({ type: "demo.told", version: 1, data: z.object({ n: z.int() }) });

Deno.test("rolling deploy leaves an event type that only the next version of a function knows to that version", async () => {
  await using server = await startServer();
  const old: string[] = [], next: number[] = [];
  const all = Promise.withResolvers<void>();
  const before = defineFunction({ on: Asked }, ({ type }) => void old.push(type));
  const after = defineFunction({ on: [Asked, Told] }, ({ type, data }) => {
    if (type === "demo.told") next.push(data.n);
    if (next.length === 20) all.resolve();
  });
  await using _first = await startTestRuntime({ functions: { fn: before }, server });
  await using second = await startTestRuntime({ functions: { fn: after }, server });
  for (let n = 0; n < 20; n++) await second.publish(Told, { n });
  await all.promise;
  assert.deepEqual(old, []);
  assert.deepEqual(next.toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n));
});
