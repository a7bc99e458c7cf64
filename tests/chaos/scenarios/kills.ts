import { startServer } from "../../../runtime/nats_server/server.ts";
import { judgeTrial } from "../bars.ts";
import { planRuntimeFaults } from "../runtime_faults.ts";
import { scaled, type Scenario } from "../section.ts";
import { runTrial } from "../trial.ts";

const EVENTS = 50_000;

export const kills: Scenario = {
  name: "kills",
  about: "runtimes are killed, stopped and restarted under load",
  events: EVENTS,
  run: async ({ events, random, progress }) => {
    await using server = await startServer();
    const times = (count: number) => scaled(count, events / EVENTS);
    const verdict = await runTrial({
      servers: [server.url],
      replicas: 3,
      events,
      perSecond: 320,
      plan: (replicas) =>
        planRuntimeFaults(replicas, random, {
          kills: times(22),
          terminations: times(4),
          shortStops: times(4),
          longStops: times(2),
        }),
      progress,
    });
    return judgeTrial("kills", verdict);
  },
};
