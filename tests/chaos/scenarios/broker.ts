import { startServer } from "../../../runtime/nats_server/server.ts";
import { judge } from "../bars.ts";
import { planBrokerFaults } from "../broker_faults.ts";
import { scaled, type Scenario } from "../section.ts";
import { runTrial } from "../trial.ts";

const EVENTS = 20_000;

export const broker: Scenario = {
  name: "broker",
  about: "a single nats-server is killed, restarted and stopped under load",
  events: EVENTS,
  run: async ({ events, dice, say }) => {
    await using server = await startServer();
    const times = (count: number) => scaled(count, events / EVENTS);
    const verdict = await runTrial({
      servers: [server.url],
      replicas: 2,
      events,
      perSecond: 300,
      calmMs: 3_000,
      plan: () => planBrokerFaults(server, dice, { kills: times(5), restarts: times(3), stops: times(3) }),
      say,
    });
    return judge("broker", verdict);
  },
};
