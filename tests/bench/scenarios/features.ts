import { preload } from "../backlog.ts";
import { FEATURES } from "../contestants/task.ts";
import { interleave, ratioOf } from "../rounds.ts";
import { brokenOf, rowOf, type Run, runContestant, weir } from "../run.ts";
import type { Ratio, Scenario } from "../scenario.ts";

/** Handlers that each feature is measured with. The slow one takes a share of the events. */
const SHARES = { async: 0.5, io: 0.02 } as const;
const HANDLERS = Object.keys(SHARES) as (keyof typeof SHARES)[];
/** Warm-up events for each measured one. */
const WARM_UP = 2;

/** Weir drains a backlog with and without each option of a function that costs nothing unless it is used. */
export const features: Scenario = {
  name: "features",
  about: "what options of a function cost when they are used, beside a function without them",
  run: async ({ handlers = HANDLERS, ...setting }) => {
    const { rounds, events, progress } = setting, own = HANDLERS.filter((handler) => handlers.includes(handler));
    await preload(setting.nc, Math.ceil(events * SHARES.async) * (1 + WARM_UP));
    const nameOf = (handler: string, feature?: string) => `${handler}: Weir${feature ? `, ${feature}` : ""}`;
    const turns = own.flatMap((handler) => {
      const measured = Math.ceil(events * SHARES[handler]), warmUp = measured * WARM_UP;
      return [undefined, ...FEATURES].map((feature) => ({
        name: nameOf(handler, feature),
        run: () => {
          const size = { handler, feature, warmUp, events: warmUp + measured, continues: handler !== "async" };
          return runContestant(setting, weir(), size);
        },
      }));
    });
    const results = await interleave(rounds, turns, progress);
    const of = (name: string, pick: (run: Run) => number) => results.get(name)!.map(pick);
    const ratio = (what: string, handler: string, feature: string, pick: (run: Run) => number): Ratio => ({
      what: `${handler}, ${what}: ${feature} / without`,
      value: ratioOf(of(nameOf(handler, feature), pick), of(nameOf(handler), pick)),
    });
    return {
      name: features.name,
      about: "keys: `concurrency` with `perKey: 2` of 1,000 keys that take turns; adaptive: with a `target`",
      rows: turns.map(({ name }) => rowOf(name, results.get(name)!)),
      ratios: own.flatMap((handler) =>
        FEATURES.flatMap((feature) => [
          ratio("events/s", handler, feature, ({ perSecond }) => perSecond),
          ratio("CPU", handler, feature, ({ cpuMicros }) => cpuMicros),
        ])
      ),
      broken: brokenOf(results),
    };
  },
};
