import { preload, takeEmitted } from "../backlog.ts";
import { HANDLERS } from "../contestants/task.ts";
import { type MoleculerFolder, moleculerFolder } from "../moleculer_packages.ts";
import { interleave, type Turn } from "../rounds.ts";
import { BARE, brokenOf, careful, type Contestant, moleculer, rowOf, type Run, runContestant, weir } from "../run.ts";
import type { Scenario, Setting } from "../scenario.ts";
import { type Case, type DrainHandler, memoryAims, ratiosOf } from "./drain_ratios.ts";

/**
 * Warm-up events for each measured one. A long-running process has compiled its hot code, which takes some 200,000
 * events.
 */
const WARM_UP = 3;
/** The share of the events that the careful loop handles, since it needs several times as long. */
const CAREFUL = 0.2;

/** Handlers with bars. */
const JUDGED: readonly DrainHandler[] = ["async"];

interface Plan {
  /** The share of `--events`: less for handlers that take longer. */
  readonly share: number;
  /** Ratios of exported traces; `0` is none. */
  readonly traces: readonly string[];
  /** Default: Weir's own. */
  readonly concurrency?: number;
}

const PLANS: Readonly<Record<DrainHandler, Plan>> = {
  async: { share: 1, traces: ["0", "0.1", "1"] },
  sync: { share: 1, traces: ["0"], concurrency: 1_000 },
  io: { share: 0.02, traces: ["0"] },
  emit: { share: 0.1, traces: ["0"] },
};

/** Each contestant drains the same backlog through its own consumer, from the start of its process. */
export const drain: Scenario = {
  name: "drain",
  about: "a preloaded backlog, as fast as it goes: cold, from the first event on, and warm",
  run: async (setting) => {
    const { rounds, events, onlyBars, contestants: kinds, progress } = setting;
    const handlers = setting.handlers ?? (onlyBars ? JUDGED : HANDLERS);
    progress(`storing ${events * (1 + WARM_UP)} events`);
    await preload(setting.nc, events * (1 + WARM_UP));
    const missing: string[] = [];
    await using folder = kinds && !kinds.includes("moleculer") ? undefined : await moleculerFolder().catch((error) => {
      missing.push(`without moleculer-channels: ${error.message}`);
      return undefined;
    });
    const cases = handlers.map((handler) => caseOf(handler, setting, folder));
    const turns = cases.flatMap((one) => one.contestants.map((contestant) => turnOf(setting, one, contestant)));
    const results = await interleave(rounds, turns, progress);
    return {
      name: drain.name,
      about: [
        `cold: the first ${events} events of a process; warm: as many after ${events * WARM_UP}. ` +
        `async: Weir's default concurrency; sync: ${PLANS.sync.concurrency}. ` +
        `io handles ${PLANS.io.share * 100} % of the events, emit ${PLANS.emit.share * 100} %, and the careful loop ` +
        `${CAREFUL * 100} % of what the others do`,
        ...missing,
      ].join("; "),
      rows: turns.map(({ name }) => rowOf(name, results.get(name)!)),
      ratios: cases.flatMap((one) => ratiosOf(one, results)),
      aims: cases.flatMap((one) => memoryAims(one, results)),
      broken: brokenOf(results),
    };
  },
};

function caseOf(handler: DrainHandler, { traces, contestants }: Setting, folder: MoleculerFolder | undefined): Case {
  const { traces: own, concurrency } = PLANS[handler];
  const ratios = (traces === undefined ? own : [traces]).map((ratio) => Number(ratio) === 0 ? undefined : ratio);
  const all = [BARE, ...ratios.flatMap((ratio) => [weir(ratio), careful(ratio)]), ...folder ? [moleculer(folder)] : []];
  return {
    handler,
    concurrency,
    traces: ratios,
    contestants: all.filter(({ kind }) => kind === "bare" || !contestants || contestants.includes(kind)),
    nameOf: ({ name }) => `${handler}: ${name}`,
  };
}

function turnOf(setting: Setting, { handler, concurrency, nameOf }: Case, one: Contestant): Turn<Run> {
  const share = PLANS[handler].share * (one.kind === "careful" ? CAREFUL : 1);
  const cold = Math.ceil(setting.events * share), warmUp = cold * WARM_UP, events = warmUp + cold;
  const size = { events, warmUp, cold, handler, concurrency, continues: share < 1 };
  return {
    name: nameOf(one),
    run: async () => {
      await takeEmitted(setting.nc);
      const run = await runContestant(setting, one, size);
      const missing = handler === "emit" ? Math.max(0, events - await takeEmitted(setting.nc)) : 0;
      return { ...run, lost: run.lost + missing };
    },
  };
}
