import { createStream } from "../backlog.ts";
import type { Measurement, Stopped, Task } from "../contestants/task.ts";
import { STREAM } from "../order.ts";
import { benchPath, Helper } from "../process.ts";
import { interleave, spreadOf, spreadOfAll } from "../rounds.ts";
import { careful, type Contestant, startContestant, weir } from "../run.ts";
import type { Row, Scenario, Setting } from "../scenario.ts";

/** Time without a new event after which a replica counts as done: longer than its handler. */
const STALLED_MS = 5_000;

/** The way in which two replicas, each of which handles 16 events at once, get their events. */
interface Load {
  readonly what: string;
  readonly perSecond: number;
  readonly events: number;
  /** True when the second replica starts once all events are stored. */
  readonly joins: boolean;
}

const LOADS: readonly Load[] = [
  { what: "24/s", perSecond: 24, events: 240, joins: false },
  { what: "160 at once, then the second starts", perSecond: 5_000, events: 160, joins: true },
];

interface Replica {
  readonly handled: number;
  readonly repeated: number;
  /** Undefined when it handled nothing. */
  readonly latencyMicros: Measurement["latencyMicros"];
}

/** Two replicas share events that take a second each: none should wait for one while the other is idle. */
export const fairness: Scenario = {
  name: "fairness",
  about: "two replicas and a handler of one second: the times that events wait",
  run: async (setting) => {
    const turns = LOADS.flatMap((load) =>
      [weir(), careful()].map((one) => ({
        name: `${one.name}, ${load.what}`,
        events: load.events,
        run: () => share(setting, one, load),
      }))
    );
    const results = await interleave(setting.rounds, turns, setting.progress);
    return {
      name: fairness.name,
      about: "two replicas that handle 16 events at once, for a second each: at 24/s no event has to wait",
      rows: turns.flatMap(({ name }) =>
        [0, 1].map((at) => rowOf(`${name}: replica ${at + 1}`, results.get(name)!.map((replicas) => replicas[at])))
      ),
      ratios: [],
      broken: turns.flatMap(({ name, events }) =>
        results.get(name)!.flatMap((replicas, round) => {
          const handled = replicas.reduce((sum, replica) => sum + replica.handled + replica.repeated, 0);
          return handled === events ? [] : [`${name}, round ${round + 1}: ${handled} runs for ${events} events`];
        })
      ),
    };
  },
};

let runs = 0;

async function share({ server, nc, collector }: Setting, one: Contestant, load: Load): Promise<Replica[]> {
  const { perSecond, events, joins } = load;
  await createStream(nc);
  const functions = [`${one.kind}_shared${runs++}`];
  const task: Task = {
    ...{ url: server.url, stream: STREAM, functions, events, warmUp: 0 },
    ...{ handler: "slow", stalledMs: STALLED_MS },
  };
  await using first = startContestant(collector, one, task);
  await first.waitForLine("ready");
  const publish = async () => {
    const args = JSON.stringify({ url: server.url, perSecond, events });
    await using publisher = new Helper("the publisher", ["-A", benchPath("contestants/publisher.ts"), args]);
    await publisher.waitForLine("published");
  };
  if (joins) await publish();
  await using second = startContestant(collector, one, task);
  if (!joins) await second.waitForLine("ready").then(publish);
  return await Promise.all([first, second].map(async (helper) => {
    const { lost, latencyMicros } = await helper.waitForLine<Measurement>("last");
    await helper.end();
    const { repeated } = await helper.waitForLine<Stopped>("stopped");
    return { handled: events - lost, repeated, latencyMicros };
  }));
}

function rowOf(name: string, replicas: readonly Replica[]): Row {
  const wait = (which: "p50" | "p99" | "max") =>
    spreadOfAll(replicas.map(({ latencyMicros }) => latencyMicros && latencyMicros[which] / 1e6));
  return {
    name,
    figures: {
      "handled": spreadOf(replicas.map(({ handled }) => handled)),
      "wait p50 s": wait("p50"),
      "p99 s": wait("p99"),
      "longest s": wait("max"),
    },
  };
}
