import assert from "node:assert/strict";
import { testsAtOnce } from "../support/at_once.ts";
import { eventually } from "../support/eventually.ts";
import { begun, startReplicas } from "./replicas.ts";

const test = testsAtOnce("start goes on while a handler computes", 3);

test("[G15] Watchdog keeps the lease of a handler that computes for longer than the ack wait", async () => {
  await using replicas = await startReplicas();
  const first = await replicas.start();
  await replicas.publish(1, 20_000);
  await first.waitForLog(({ message }) => message === "begun");
  const second = await replicas.start();
  const { for_ms } = await first.waitForLog(({ message }) => message.includes("the watchdog kept the leases"));
  assert.ok(Number(for_ms) >= 19_000, `${for_ms} ms`); // counted from the last tick, at most a second before the handler began
  assert.equal(await replicas.settled(), 1);
  assert.deepEqual({ first: begun(first), second: begun(second) }, { first: [1], second: [] });
});

test("Watchdog keeps the leases of deliveries that wait for a computing handler, without using an attempt", async () => {
  await using replicas = await startReplicas();
  for (const ms of [20_000, 0, 0]) await replicas.publish(1, ms);
  const program = await replicas.start();
  assert.equal(await replicas.settled(), 3);
  assert.deepEqual(begun(program), [1, 1, 1]);
});

test("start runs each event once that was pulled ahead when a handler blocked the thread, in either replica", async () => {
  await using replicas = await startReplicas();
  const events = Array.from({ length: 300 }, (_, n) => n), computing = 200;
  for (const n of events) await replicas.publish(n, n === computing ? 20_000 : 0);
  const first = await replicas.start();
  await first.waitForLog(({ message, n }) => message === "begun" && n === computing);
  const second = await replicas.start();
  await first.waitForLog(({ message }) => message.startsWith("the thread was blocked"));
  await replicas.settled();
  // Acks of what ended just before may still have been on their way.
  const waited = () => [...begun(first), ...begun(second)].filter((n) => n > computing).toSorted((a, b) => a - b);
  await eventually(() => waited().length >= events.length - computing - 1); // an ack may be read before a log line
  assert.deepEqual(waited(), events.slice(computing + 1));
});
