import { createStream } from "../backlog.ts";
import { benchPath, Helper } from "../process.ts";
import { interleave, ratioOf, spreadOf } from "../rounds.ts";
import { BARE, brokenOf, careful, type Contestant, rowOf, type Run, runContestant, weir } from "../run.ts";
import type { Scenario, Setting } from "../scenario.ts";

const PER_SECOND = [500, 5_000];
/** Limits for Weir beside the bare loop. */
const BARS = { p50: 1.1, p99: 1.5 } as const;
const WARM_UP_SECONDS = 4;
const SECONDS = 8;

interface Flowed extends Run {
  /** The 99th percentile of the publisher's own delay, which is part of the measured latency. */
  readonly lateMicros: number;
}

/** Each contestant handles events that are published at a fixed rate. */
export const flow: Scenario = {
  name: "flow",
  about: "an open loop at fixed rates: from when an event should be published to its handler's start",
  run: async (setting) => {
    const { rounds, events, traces = "0.1", onlyBars, progress } = setting, scale = Math.min(1, events / 100_000);
    const contestants = [BARE, weir(traces), ...onlyBars ? [] : [careful(traces)]];
    const cases = PER_SECOND.flatMap((perSecond) => contestants.map((one) => ({ perSecond, one })));
    const nameOf = (one: Contestant, perSecond: number) => `${one.name}, ${perSecond}/s`;
    const turns = cases.map(({ perSecond, one }) => ({
      name: nameOf(one, perSecond),
      run: () => flowed(setting, one, perSecond, scale),
    }));
    const results = await interleave(rounds, turns, progress);
    const latency = (one: Contestant, perSecond: number, percentile: keyof typeof BARS) =>
      results.get(nameOf(one, perSecond))!.map(({ latencyMicros }) => latencyMicros![percentile]);
    return {
      name: flow.name,
      about: `${SECONDS * scale} s at each rate after ${WARM_UP_SECONDS * scale} s to warm up; times are from when ` +
        `an event should have been published to its handler's start`,
      rows: turns.map(({ name }) => {
        const runs = results.get(name)!, { figures } = rowOf(name, runs);
        return {
          name,
          figures: { ...figures, "sent late, p99 ms": spreadOf(runs.map((run) => run.lateMicros / 1e3)) },
        };
      }),
      ratios: PER_SECOND.flatMap((perSecond) =>
        contestants.slice(1).flatMap((one) =>
          (["p50", "p99"] as const).map((percentile) => ({
            what: `${percentile} at ${perSecond}/s: ${one.name} / ${BARE.name}`,
            value: ratioOf(latency(one, perSecond, percentile), latency(BARE, perSecond, percentile)),
            ...(one.kind === "weir" && { bar: { kind: "at most" as const, limit: BARS[percentile] } }),
          }))
        )
      ),
      broken: brokenOf(results),
    };
  },
};

async function flowed(setting: Setting, one: Contestant, perSecond: number, scale: number): Promise<Flowed> {
  const warmUp = Math.ceil(perSecond * WARM_UP_SECONDS * scale);
  const events = warmUp + Math.ceil(perSecond * SECONDS * scale);
  await createStream(setting.nc);
  let lateMicros = 0;
  const run = await runContestant(setting, one, { events, warmUp }, async () => {
    const task = JSON.stringify({ url: setting.server.url, perSecond, events });
    await using publisher = new Helper("the publisher", ["-A", benchPath("contestants/publisher.ts"), task]);
    ({ lateMicros } = await publisher.waitForLine<{ lateMicros: number }>("published"));
  });
  return { ...run, lateMicros };
}
