import assert from "node:assert/strict";
import { begun, startReplicas } from "./replicas.ts";

Deno.test("an event whose handler computes for longer than the server waits is handed out and handled once", async () => {
  await using replicas = await startReplicas();
  const first = await replicas.start();
  await replicas.publish(1, 20_000);
  await first.waitForLog(({ message }) => message === "begun");
  const second = await replicas.start();
  const { for_ms } = await first.waitForLog(({ message }) => message.includes("the watchdog kept the leases"));
  assert.ok(Number(for_ms) >= 19_000, `${for_ms} ms`); // since the last tick, a second at the most before that
  assert.equal(await replicas.settled(), 1);
  assert.deepEqual({ first: begun(first), second: begun(second) }, { first: [1], second: [] });
});

Deno.test("what came together with it is kept as well, and uses no attempt", async () => {
  await using replicas = await startReplicas();
  for (const ms of [20_000, 0, 0]) await replicas.publish(1, ms);
  const program = await replicas.start();
  assert.equal(await replicas.settled(), 3);
  assert.deepEqual(begun(program), [1, 1, 1]);
});
