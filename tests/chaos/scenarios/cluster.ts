import { judgeTrial } from "../bars.ts";
import { TestCluster } from "../cluster.ts";
import { planClusterFaults } from "../cluster_faults.ts";
import { scaled, type Scenario } from "../section.ts";
import { runTrial } from "../trial.ts";

const EVENTS = 30_000;

export const cluster: Scenario = {
  name: "cluster",
  about: "leaders of a cluster of three step down and are killed under load",
  events: EVENTS,
  run: async ({ events, random, progress }) => {
    await using nodes = await TestCluster.start();
    const times = (count: number) => scaled(count, events / EVENTS);
    const verdict = await runTrial({
      servers: nodes.urls,
      replicas: 2,
      events,
      perSecond: 200,
      calmMs: 2_500,
      env: { WEIR_REPLICAS: "3" },
      plan: () =>
        planClusterFaults(nodes, random, {
          consumerStepDowns: times(6),
          streamStepDowns: times(6),
          leaderKills: times(4),
        }),
      progress,
    });
    return judgeTrial("cluster", verdict);
  },
};
