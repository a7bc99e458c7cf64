import { connect } from "@nats-io/transport-node";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { preload } from "../backlog.ts";
import { interleave, ratioOf, spreadOf } from "../rounds.ts";
import { BARE, brokenOf, careful, rowOf, type Run, runContestant, weir } from "../run.ts";
import type { Ratio, Scenario } from "../scenario.ts";

/** Sizes of the backlogs as shares of `--events`: 10,000 and 1,000,000 for 100,000. */
const SHORT = 0.1;
const LONG = 10;
/** Warm-up events as a share of `--events`, so that code is compiled equally in both backlogs. */
const WARM_UP = 0.5;

/** Drains the start of a short and of a long backlog, and one long backlog to its end. */
export const long: Scenario = {
  name: "long",
  about: "growth with the backlog: speed at 1,000,000 beside that at 10,000, and memory on the way",
  run: async (setting) => {
    const { rounds, events, traces = "0.1", onlyBars, progress } = setting;
    const warmUp = Math.ceil(events * WARM_UP), short = Math.ceil(events * SHORT), whole = events * LONG;
    progress(`storing ${whole} events`);
    await preload(setting.nc, warmUp + whole);
    await using server = await startServer(); // holds the short backlog, so that the two can take turns
    const nc = await connect({ servers: server.url });
    await preload(nc, warmUp + short);

    const contestants = onlyBars ? [weir(traces)] : [BARE, weir(traces), careful(traces)];
    const size = { warmUp };
    const atShort = (name: string) => `${name}, backlog of ${short}`, atLong = (name: string) => `${name}, of ${whole}`;
    const turns = contestants.flatMap((one) => [
      {
        name: atShort(one.name),
        run: () => runContestant({ ...setting, server, nc }, one, { ...size, events: warmUp + short }),
      },
      // The same number of events as in the short backlog: only the number of waiting events differs.
      {
        name: atLong(one.name),
        run: () => runContestant(setting, one, { ...size, events: warmUp + short, continues: true }),
      },
    ]);
    const results = await interleave(rounds, turns, progress);
    await nc.close();
    progress(`${weir(traces).name}: all ${whole}`);
    const all = await runContestant(setting, weir(traces), { ...size, events: warmUp + whole });
    results.set(`${weir(traces).name}, all ${whole}, once`, [all]);
    const speed = (name: string) => results.get(name)!.map(({ perSecond }) => perSecond);
    return {
      name: long.name,
      about: `the ${short} events after ${warmUp} to warm up, with nothing behind them and with ${whole}`,
      rows: [...results].map(([name, runs]) => rowOf(name, runs)),
      ratios: [
        ...contestants.map(({ name, kind }): Ratio => ({
          what: `events/s: ${name}, backlog of ${whole} / ${short}`,
          value: ratioOf(speed(atLong(name)), speed(atShort(name))),
          ...(kind === "weir" && { bar: { kind: "at least", limit: 0.9 } }),
        })),
        growth(all),
      ],
      broken: brokenOf(results),
    };
  },
};

/** Compares memory at the end of a long drain with that after two tenths, from which on it should not grow. */
function growth({ memoryCurve }: Run): Ratio {
  const value = spreadOf([memoryCurve.at(-1)! / memoryCurve[1]]);
  return { what: "memory at the end of all / after two tenths", value, bar: { kind: "at most", limit: 1.1 } };
}
