import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { planServerFaults } from "./server_faults.ts";
import { Random } from "../support/random.ts";
import { planRuntimeFaults } from "./runtime_faults.ts";
import { assertAccount, progressInTests } from "./trial_asserts.ts";
import { runTrial } from "./trial.ts";

Deno.test("[G4][G5][G9] weir start loses no event, and repeats none without a fault, while processes are killed", async () => {
  await using server = await startServer();
  const random = new Random(1);
  const verdict = await runTrial({
    servers: [server.url],
    replicas: 2,
    events: 2_000,
    perSecond: 400,
    calmMs: 200,
    plan: (replicas) => [
      ...planRuntimeFaults(replicas, random, { kills: 2, terminations: 1, shortStops: 0, longStops: 0 }),
      ...planServerFaults(server, random, { kills: 1, restarts: 0, stops: 0 }),
      ...planRuntimeFaults(replicas, random, { kills: 1, terminations: 0, shortStops: 0, longStops: 0 }),
    ],
    progress: progressInTests,
  });
  assert.equal(verdict.faults.length, 5);
  assertAccount(verdict);
});
