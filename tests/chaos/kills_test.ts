import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { planBrokerFaults } from "./broker_faults.ts";
import { Dice } from "./dice.ts";
import { planRuntimeFaults } from "./runtime_faults.ts";
import { assertAllWell, sayInTests } from "./trial_asserts.ts";
import { runTrial } from "./trial.ts";

Deno.test("nothing is lost, and nothing done twice without a reason, while runtimes and the broker are killed", async () => {
  await using server = await startServer();
  const dice = new Dice(1);
  const verdict = await runTrial({
    servers: [server.url],
    replicas: 2,
    events: 2_000,
    perSecond: 400,
    calmMs: 200,
    plan: (replicas) => [
      ...planRuntimeFaults(replicas, dice, { kills: 2, terminations: 1, shortStops: 0, longStops: 0 }),
      ...planBrokerFaults(server, dice, { kills: 1, restarts: 0, stops: 0 }),
      ...planRuntimeFaults(replicas, dice, { kills: 1, terminations: 0, shortStops: 0, longStops: 0 }),
    ],
    say: sayInTests,
  });
  assert.equal(verdict.faults.length, 5);
  assertAllWell(verdict);
});
