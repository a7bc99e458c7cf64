import { preload } from "../backlog.ts";
import { interleave, ratioOf } from "../rounds.ts";
import { BARE, brokenOf, careful, type Contestant, rowOf, runContestant, weir } from "../run.ts";
import type { Scenario } from "../scenario.ts";

const FUNCTIONS = [1, 10, 100];
const DELIVERIES = 0.3;
const WARM_UP = 0.25;

/** The same number of deliveries, spread over 1, 10 and 100 functions. Each event is delivered to all of them. */
export const fanOut: Scenario = {
  name: "fan-out",
  about: "1, 10 and 100 functions on the same event",
  run: async (setting) => {
    const { rounds, events, traces = "0.1", onlyBars, progress } = setting;
    const contestants = onlyBars ? [weir(traces)] : [BARE, weir(traces), careful(traces)];
    const nameOf = (one: Contestant, functions: number) =>
      `${one.name}, ${functions} function${functions === 1 ? "" : "s"}`;
    const deliveries = Math.ceil(events * DELIVERIES);
    const turns = FUNCTIONS.flatMap((functions) =>
      contestants.map((one) => ({
        name: nameOf(one, functions),
        run: async () => {
          const each = Math.ceil(deliveries * (1 + WARM_UP) / functions);
          const warmUp = Math.ceil(each * functions * WARM_UP / (1 + WARM_UP));
          await preload(setting.nc, each);
          return await runContestant(setting, one, { functions, events: each, warmUp });
        },
      }))
    );
    const results = await interleave(rounds, turns, progress);
    const cost = (one: Contestant, functions: number) => {
      const runs = results.get(nameOf(one, functions))!;
      return { time: runs.map(({ perSecond }) => 1 / perSecond), cpu: runs.map(({ cpuMicros }) => cpuMicros) };
    };
    const most = FUNCTIONS.at(-1)!;
    return {
      name: fanOut.name,
      about: `${deliveries} deliveries after ${deliveries * WARM_UP} to warm up; a figure is of a delivery`,
      rows: turns.map(({ name }) => rowOf(name, results.get(name)!)),
      ratios: contestants.flatMap((one) => {
        const own = one.kind === "weir", all = cost(one, most), alone = cost(one, 1);
        const bar = { kind: "at most", limit: 1.2 } as const;
        return [
          {
            what: `CPU per delivery: ${one.name}, ${most} functions / 1`,
            value: ratioOf(all.cpu, alone.cpu),
            ...(own && { bar }),
          },
          {
            what: `time per delivery: ${one.name}, ${most} functions / 1`,
            value: ratioOf(all.time, alone.time),
            ...(own && { bar }),
          },
        ];
      }),
      broken: brokenOf(results),
    };
  },
};
