import { startServer } from "../../../runtime/nats_server/server.ts";
import { judgeTrial } from "../bars.ts";
import { planServerFaults } from "../server_faults.ts";
import { scaled, type Scenario } from "../section.ts";
import { runTrial } from "../trial.ts";

const EVENTS = 20_000;

export const server: Scenario = {
  name: "server",
  about: "a single nats-server is killed, restarted and stopped under load",
  events: EVENTS,
  run: async ({ events, random, progress }) => {
    await using nats = await startServer();
    const times = (count: number) => scaled(count, events / EVENTS);
    const verdict = await runTrial({
      servers: [nats.url],
      replicas: 2,
      events,
      perSecond: 300,
      calmMs: 3_000,
      plan: () => planServerFaults(nats, random, { kills: times(5), restarts: times(3), stops: times(3) }),
      progress,
    });
    return judgeTrial("server", verdict);
  },
};
