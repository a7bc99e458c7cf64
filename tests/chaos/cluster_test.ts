import assert from "node:assert/strict";
import { TestCluster } from "./cluster.ts";
import { planClusterFaults } from "./cluster_faults.ts";
import { Random } from "../support/random.ts";
import { assertAccount, progressInTests } from "./trial_asserts.ts";
import { runTrial } from "./trial.ts";

Deno.test("[G4][G9][G21] weir start loses no event, and repeats none without a fault, while leaders change", async () => {
  await using cluster = await TestCluster.start();
  const verdict = await runTrial({
    servers: cluster.urls,
    replicas: 2,
    events: 1_000,
    perSecond: 200,
    env: { WEIR_REPLICAS: "3" },
    calmMs: 100,
    plan: () => [
      ...planClusterFaults(cluster, new Random(1), { consumerStepDowns: 1, streamStepDowns: 1, leaderKills: 0 }),
      ...planClusterFaults(cluster, new Random(1), { consumerStepDowns: 0, streamStepDowns: 0, leaderKills: 1 }, 0),
    ],
    progress: progressInTests,
  });
  assert.deepEqual(verdict.faults.map(({ kind }) => kind).toSorted(), [
    "consumer step-down",
    "leader kill -9",
    "node back",
    "stream step-down",
  ]);
  assertAccount(verdict);
});
