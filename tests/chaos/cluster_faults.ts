import type { TestCluster } from "./cluster.ts";
import type { Dice } from "./dice.ts";
import type { Plan } from "./faults.ts";
import { pause } from "./pause.ts";
import { eventually } from "../support/eventually.ts";

/** How many of each. */
export interface ClusterFaults {
  readonly consumerStepDowns: number;
  readonly streamStepDowns: number;
  /** Each is followed by the return of the node. */
  readonly leaderKills: number;
}

/** Long enough that it is seen how the others go on without it. */
const DOWN_MS = 9_000;
const FUNCTIONS = ["answer", "follow"] as const;

/** Faults of a cluster's leaders in an order, and at functions, that come from the dice. */
export function planClusterFaults(
  cluster: TestCluster,
  dice: Dice,
  { consumerStepDowns, streamStepDowns, leaderKills }: ClusterFaults,
  downMs = DOWN_MS,
): Plan[] {
  const times = (n: number, make: () => Plan[]) => Array.from({ length: n }, make);
  return dice.shuffled([
    ...times(consumerStepDowns, () => [consumerStepDown(cluster, dice.pick(FUNCTIONS))]),
    ...times(streamStepDowns, () => [streamStepDown(cluster)]),
    ...times(leaderKills, () => leaderKill(cluster, dice.pick(FUNCTIONS), downMs)),
  ]).flat();
}

function consumerStepDown(cluster: TestCluster, fn: string): Plan {
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

function streamStepDown(cluster: TestCluster): Plan {
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

/** The node that leads a consumer, and maybe more, is killed and later comes back: two faults, each with its own gap. */
function leaderKill(cluster: TestCluster, fn: string, downMs: number): Plan[] {
  let killed = "";
  return [{
    kind: "leader kill -9",
    run: async () => {
      killed = await eventually(() => cluster.leader(fn));
      const led = await cluster.ledBy(killed, FUNCTIONS);
      const node = cluster.nodes.get(killed)!, { pid } = node, atMs = performance.now();
      const elected = led.map((group) => cluster.elected(group));
      await node.kill();
      await Promise.all(led.map((group, i) => Promise.race([elected[i], cluster.anotherThan(killed, group)])));
      return { target: `${killed} leading ${fn}`, pid, atMs, fn };
    },
  }, {
    kind: "node back",
    run: async () => {
      await pause(downMs);
      const node = cluster.nodes.get(killed)!, atMs = performance.now();
      await node.restart();
      await cluster.inStep();
      return { target: killed, pid: node.pid, atMs, fn };
    },
  }];
}
