import type { TestCluster } from "./cluster.ts";
import type { Random } from "../support/random.ts";
import type { PlannedFault } from "./faults.ts";
import { pause } from "./pause.ts";
import { eventually } from "../support/eventually.ts";

/** Numbers of faults of each kind. */
export interface ClusterFaults {
  readonly consumerStepDowns: number;
  readonly streamStepDowns: number;
  /** Each is followed by a restart of the node. */
  readonly leaderKills: number;
}

/** How long a killed node stays down: longer than an election, so that pulling resumes without it. */
const DOWN_MS = 9_000;
const FUNCTIONS = ["answer", "follow"] as const;

/** Plans faults of a cluster's leaders, in random order and for random functions. */
export function planClusterFaults(
  cluster: TestCluster,
  random: Random,
  { consumerStepDowns, streamStepDowns, leaderKills }: ClusterFaults,
  downMs = DOWN_MS,
): PlannedFault[] {
  const times = (n: number, make: () => PlannedFault[]) => Array.from({ length: n }, make);
  return random.shuffled([
    ...times(consumerStepDowns, () => [consumerStepDown(cluster, random.pick(FUNCTIONS))]),
    ...times(streamStepDowns, () => [streamStepDown(cluster)]),
    ...times(leaderKills, () => leaderKill(cluster, random.pick(FUNCTIONS), downMs)),
  ]).flat();
}

function consumerStepDown(cluster: TestCluster, fn: string): PlannedFault {
  return {
    kind: "consumer step-down",
    run: async () => {
      const node = await eventually(() => cluster.leader(fn));
      const atMs = performance.now();
      await cluster.stepDown(fn);
      return { target: `${node} leading ${fn}`, pid: cluster.nodes.get(node)!.pid, atMs, fn };
    },
  };
}

function streamStepDown(cluster: TestCluster): PlannedFault {
  return {
    kind: "stream step-down",
    run: async () => {
      const node = await eventually(() => cluster.leader());
      const atMs = performance.now();
      await cluster.stepDown();
      return { target: `${node} leading the stream`, pid: cluster.nodes.get(node)!.pid, atMs };
    },
  };
}

/** Plans to kill the leader of a consumer and to restart it later. These are two faults, each with its own gap. */
function leaderKill(cluster: TestCluster, fn: string, downMs: number): PlannedFault[] {
  let killed = "";
  return [{
    kind: "leader kill -9",
    run: async () => {
      killed = await eventually(() => cluster.leader(fn));
      const led = await cluster.ledBy(killed, FUNCTIONS);
      const node = cluster.nodes.get(killed)!, { pid } = node, atMs = performance.now();
      const elected = led.map((group) => cluster.leaderElected(group));
      await node.kill();
      await Promise.all(led.map((group, i) => Promise.race([elected[i], cluster.leaderOtherThan(killed, group)])));
      return { target: `${killed} leading ${fn}`, pid, atMs, fn };
    },
  }, {
    kind: "node back",
    run: async () => {
      await pause(downMs);
      const node = cluster.nodes.get(killed)!, atMs = performance.now();
      await node.restart();
      await cluster.allCurrent();
      return { target: killed, pid: node.pid, atMs, fn };
    },
  }];
}
