import { preload } from "../backlog.ts";
import { interleave, ratioOf } from "../rounds.ts";
import { BARE, brokenOf, careful, rowOf, type Run, runContestant, weir } from "../run.ts";
import type { Bar, Ratio, Scenario } from "../scenario.ts";

/** The number of messages that the bare loop pulls ahead. */
const CONCURRENCY = 1_000;
/**
 * Warm-up events for each measured one. A long-running process has compiled its hot code, which takes some 200,000
 * events.
 */
const WARM_UP = 3;

/** Each contestant drains the same backlog through its own consumer. */
export const drain: Scenario = {
  name: "drain",
  about: "a preloaded backlog, as fast as it goes",
  run: async (setting) => {
    const { rounds, events, traces, progress } = setting;
    const warmUp = Math.ceil(events * WARM_UP), size = { events: warmUp + events, warmUp, concurrency: CONCURRENCY };
    progress(`storing ${size.events} events`);
    await preload(setting.nc, size.events);
    const ratios = traces === undefined ? ["0.1", "1"] : [traces];
    const contestants = [BARE, ...ratios.flatMap((ratio) => [weir(ratio), careful(ratio)])];
    const turns = contestants.map((one) => ({ name: one.name, run: () => runContestant(setting, one, size) }));
    const results = await interleave(rounds, turns, progress);
    return {
      name: drain.name,
      about: `${events} events drained after ${warmUp} to warm up, ${CONCURRENCY} at once in Weir`,
      rows: contestants.map(({ name }) => rowOf(name, results.get(name)!)),
      ratios: ratios.flatMap((ratio) => ratiosAt(ratio, results)),
      broken: brokenOf(results),
    };
  },
};

function ratiosAt(traces: string, results: ReadonlyMap<string, readonly Run[]>): Ratio[] {
  const own = weir(traces).name, loop = careful(traces).name;
  const runs = (name: string) => results.get(name)!;
  const speed = (name: string) => runs(name).map(({ perSecond }) => perSecond);
  const cpu = (name: string) => runs(name).map(({ cpuMicros }) => cpuMicros);
  const wholly = Number(traces) === 1;
  // Dropped spans cost nothing, so the ratio counts only if none was dropped.
  const honest = !wholly || runs(own).every(({ spansDropped }) => spansDropped === 0);
  const beside: Bar = { kind: "at least", limit: wholly ? 0.9 : 1.2 };
  return [
    {
      what: `events/s: ${own} / ${BARE.name}${honest ? "" : " (void: spans were dropped)"}`,
      value: ratioOf(speed(own), speed(BARE.name)),
      ...(honest && { bar: beside }),
    },
    {
      what: `events/s: ${own} / ${loop}`,
      value: ratioOf(speed(own), speed(loop)),
      bar: { kind: "at least", limit: 4 },
    },
    {
      what: `CPU per event: ${own} / ${BARE.name}`,
      value: ratioOf(cpu(own), cpu(BARE.name)),
      ...(!wholly && { bar: { kind: "at most", limit: 1 } }),
    },
  ];
}
