import { TestCluster } from "../cluster.ts";
import { runRolling } from "../rolling/run_rolling.ts";
import type { Scenario } from "../section.ts";

export const rolling: Scenario = {
  name: "rolling",
  about: "two releases are deployed in turn under load, and then each server of the cluster is restarted",
  events: 10_000,
  run: async ({ events, progress }) => {
    await using nodes = await TestCluster.start();
    const restartAll = async () => {
      for (const [name, node] of nodes.nodes) {
        await node.restart();
        await nodes.allCurrent("PARCELS");
        progress(`${name} was restarted`);
      }
    };
    const { accepted, errors, lost, repeated, storedTwice, deadLetters, effectsOf, exitCodes } = await runRolling({
      servers: nodes.urls,
      replicas: 3,
      events,
      perSecond: 100,
      env: { WEIR_REPLICAS: "3" },
      then: restartAll,
      progress,
    });
    const counts = { lost: lost.length, repeated: repeated.length, "stored twice": storedTwice, errors: errors.length };
    const broken = Object.entries({ ...counts, "dead letters": deadLetters }).flatMap(([what, count]) =>
      count > 0 ? [`${count} ${what}`] : []
    );
    if (errors.length > 0) broken.push(...errors.slice(0, 5));
    if (exitCodes.some((code) => code !== 0)) broken.push(`processes exited with ${exitCodes}`);
    return {
      name: "rolling",
      figures: { accepted, ...counts, "by release 1": effectsOf[1], "by release 2": effectsOf[2] },
      broken,
    };
  },
};
