import assert from "node:assert/strict";
import { begun, startReplicas } from "./replicas.ts";

Deno.test("[G16] SIGSTOP for longer than the ack wait leaves the deliveries that had not begun to another replica", async () => {
  await using replicas = await startReplicas();
  const publisher = await replicas.start(); // creates the consumer, so that the events below are stored before the first pull
  publisher.kill("SIGTERM");
  await publisher.status;
  await replicas.publish(1, 3_000);
  for (const n of [2, 3, 4]) await replicas.publish(n, 0);

  const first = await replicas.start();
  await first.waitForLog(({ message }) => message === "begun");
  first.kill("SIGSTOP");
  const second = await replicas.start();
  await replicas.publish(5, 0);
  await Promise.all([2, 3, 4, 5].map((n) => second.waitForLog((line) => line.message === "begun" && line.n === n)));
  first.kill("SIGCONT");
  await first.waitForLog(({ message }) => message.includes("those that had not begun are left to other replicas"));
  second.kill("SIGTERM");
  await second.status;

  await replicas.publish(6, 0);
  await first.waitForLog(({ message, n }) => message === "begun" && n === 6);
  await replicas.settled();
  assert.deepEqual(begun(first), [1, 6]);
  assert.deepEqual(begun(second).toSorted(), [1, 2, 3, 4, 5]); // the first event had begun, and runs again
});
