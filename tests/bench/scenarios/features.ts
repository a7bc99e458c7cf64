import { preload } from "../backlog.ts";
import type { DrainHandler } from "./drain_ratios.ts";
import type { FeatureName } from "../contestants/task.ts";
import { interleave, ratioOf, type Turn } from "../rounds.ts";
import { brokenOf, rowOf, type Run, runContestant, weir } from "../run.ts";
import type { Ratio, Scenario, Setting } from "../scenario.ts";

/** Features that are measured with the same handler and the same number of events. */
interface Group {
  readonly handler: DrainHandler;
  /** The share of `--events` that is measured. */
  readonly share: number;
  readonly features: readonly FeatureName[];
}

/** Features that write to NATS for each event take a smaller share. */
const GROUPS: readonly Group[] = [
  {
    handler: "async",
    share: 0.2,
    features: ["where", "keys", "adaptive", "rate", "shared breaker", "schedule", "batch", "order", "order and batch"],
  },
  { handler: "async", share: 0.05, features: ["idempotency", "debounce"] },
  { handler: "emit", share: 0.05, features: ["delay"] },
  { handler: "io", share: 0.02, features: ["keys", "adaptive", "order"] },
];
/** Warm-up events for each measured one. */
const WARM_UP = 2;

/** Weir drains a backlog with and without each option of a function that costs nothing unless it is used. */
export const features: Scenario = {
  name: "features",
  about: "what options of a function cost when they are used, beside a function without them",
  run: async ({ handlers, ...setting }) => {
    const { rounds, progress } = setting, stored = { events: 0 };
    const groups = GROUPS.filter(({ handler }) => !handlers || handlers.includes(handler));
    const turns = groups.flatMap((group) =>
      [undefined, ...group.features].map((feature) => turnOf(setting, group, feature, stored))
    );
    const results = await interleave(rounds, turns, progress);
    const of = (name: string, pick: (run: Run) => number) => results.get(name)!.map(pick);
    const ratio = (what: string, group: Group, feature: FeatureName, pick: (run: Run) => number): Ratio => ({
      what: `${group.handler}, ${what}: ${feature} / without`,
      value: ratioOf(of(nameOf(group, feature), pick), of(nameOf(group), pick)),
    });
    return {
      name: features.name,
      about: "keys: `concurrency` with `perKey: 2` of 1,000 keys that take turns; rate: one that no event waits for; " +
        "schedule: a second function with `every`; batch: 500; debounce: each event is a burst, quiet for one second, " +
        "measured from its start",
      rows: turns.map(({ name }) => rowOf(name, results.get(name)!)),
      ratios: groups.flatMap((group) =>
        group.features.flatMap((feature) => [
          ratio("events/s", group, feature, ({ perSecond }) => perSecond),
          ratio("CPU", group, feature, ({ cpuMicros }) => cpuMicros),
        ])
      ),
      broken: brokenOf(results),
    };
  },
};

function nameOf({ handler, share }: Group, feature?: FeatureName): string {
  const size = handler === "async" && share < GROUPS[0].share ? ` of ${share * 100} %` : "";
  return `${handler}${size}: Weir${feature ? `, ${feature}` : ""}`;
}

/** @param stored How many events the stream holds. */
function turnOf(
  setting: Setting,
  group: Group,
  feature: FeatureName | undefined,
  stored: { events: number },
): Turn<Run> {
  const measured = Math.ceil(setting.events * group.share), warmUp = measured * WARM_UP, events = warmUp + measured;
  // A burst ends after all of its events, and an event of a batch is handled without a promise of its own.
  const size = { events, warmUp: feature === "debounce" ? 0 : warmUp, feature };
  const handler = feature?.includes("batch") ? "sync" : group.handler;
  return {
    name: nameOf(group, feature),
    run: async () => {
      if (stored.events !== events) {
        await preload(setting.nc, events);
        stored.events = events;
      }
      return await runContestant(setting, weir(), { ...size, handler });
    },
  };
}
