import type { HANDLERS } from "../contestants/task.ts";
import { ratioOf, spreadOfAll } from "../rounds.ts";
import { BARE, careful, type Contestant, type Run, weir } from "../run.ts";
import type { Aim, Bar, Ratio } from "../scenario.ts";

export type DrainHandler = typeof HANDLERS[number];

/** The contestants that drain with the same handler. */
export interface Case {
  readonly handler: DrainHandler;
  readonly concurrency?: number;
  /** Ratios of exported traces; undefined is none. */
  readonly traces: readonly (string | undefined)[];
  readonly contestants: readonly Contestant[];
  /** Returns the name of a contestant's row. */
  nameOf(contestant: Contestant): string;
}

type Results = ReadonlyMap<string, readonly Run[]>;

const PEAK_MB = 150;

/** Limits for an async handler at Weir's defaults. */
const BARS = {
  cold: { none: 1.1 },
  warm: { none: 1.4, tenth: 1.25, all: 1 },
  cpu: 0.9,
  moleculer: 1,
  careful: 4,
};

/** Returns the ratios of Weir to the others, at each ratio of traces. */
export function ratiosOf(one: Case, results: Results): Ratio[] {
  return one.traces.flatMap((traces) => {
    const own = one.contestants.find(({ name }) => name === weir(traces).name);
    if (!own) return [];
    const runs = (contestant: Contestant) => results.get(one.nameOf(contestant))!;
    const judged = one.handler === "async";
    const ratio = (what: string, to: Contestant, pick: (run: Run) => number, bar?: Bar): Ratio => ({
      what: `${one.handler}, ${what}: ${own.name} / ${to.name}`,
      value: ratioOf(runs(own).map(pick), runs(to).map(pick)),
      ...(judged && bar && { bar }),
    });
    // Dropped spans cost nothing, so the ratio counts only if none was dropped.
    const dropped = runs(own).some(({ spansDropped }) => spansDropped > 0) ? " (void: spans were dropped)" : "";
    const cold = ({ cold }: Run) => cold?.perSecond ?? NaN, warm = ({ perSecond }: Run) => perSecond;
    // moleculer-channels exports no spans, so it is compared with Weir without.
    const others = one.contestants.filter(({ name, kind }) =>
      name === careful(traces).name || kind === "moleculer" && traces === undefined
    );
    return [
      ratio("cold", BARE, cold, traces === undefined ? atLeast(BARS.cold.none) : undefined),
      ratio(`warm${dropped}`, BARE, warm, dropped === "" ? warmBar(traces) : undefined),
      ratio("CPU, warm", BARE, ({ cpuMicros }) => cpuMicros, traces === undefined ? atMost(BARS.cpu) : undefined),
      ...others.flatMap((other) => [
        ratio("cold", other, cold),
        ratio("warm", other, warm, atLeast(other.kind === "careful" ? BARS.careful : BARS.moleculer)),
      ]),
    ];
  });
}

/** Returns the memory of Weir without traces. */
export function memoryAims(one: Case, results: Results): Aim[] {
  const own = one.contestants.find(({ kind, traces }) => kind === "weir" && traces === undefined);
  const value = own && spreadOfAll(results.get(one.nameOf(own))!.map(({ peakBytes }) => peakBytes && peakBytes / 1e6));
  if (!own || !value) return [];
  const bar = one.handler === "async" ? { bar: atMost(PEAK_MB) } : {};
  return [{ what: `${one.handler}, most memory: ${own.name}`, unit: "MB", value, ...bar }];
}

function warmBar(traces: string | undefined): Bar | undefined {
  if (traces === undefined) return atLeast(BARS.warm.none);
  return Number(traces) === 1 ? atLeast(BARS.warm.all) : Number(traces) <= 0.1 ? atLeast(BARS.warm.tenth) : undefined;
}

function atLeast(limit: number): Bar {
  return { kind: "at least", limit };
}

function atMost(limit: number): Bar {
  return { kind: "at most", limit };
}
