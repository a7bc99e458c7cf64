import type { Lap, Latency, Stopped, Task } from "./contestants/task.ts";
import { forget } from "./backlog.ts";
import { STREAM } from "./order.ts";
import { beside, cpuMicrosOf, Helper } from "./process.ts";
import type { Row, Setting } from "./scenario.ts";
import { spreadOfAll } from "./rounds.ts";

/** Who consumes. */
export interface Contestant {
  /** As it is shown. */
  readonly name: string;
  readonly kind: "bare" | "careful" | "weir";
  /** How much of its traces it exports; undefined for none. */
  readonly traces?: string;
}

/** One run of a contestant, from the end of its warming up to its last event. */
export interface Run {
  readonly perSecond: number;
  /** Of the contestant, for each event, with the sending of its spans. */
  readonly cpuMicros: number;
  /** Of the nats-server, for each event; undefined where that cannot be read. */
  readonly serverCpuMicros: number | undefined;
  readonly memoryBytes: number;
  readonly memoryCurve: readonly number[];
  readonly latencyMicros: Latency | undefined;
  readonly lost: number;
  readonly repeated: number;
  /** How many spans came to the collector, and how many did not. */
  readonly spans: number;
  readonly spansDropped: number;
}

export const BARE: Contestant = { name: "bare loop", kind: "bare" };

export function weir(traces?: string): Contestant {
  return { name: traced("Weir", traces), kind: "weir", traces };
}

export function careful(traces?: string): Contestant {
  return { name: traced("careful loop", traces), kind: "careful", traces };
}

function traced(name: string, traces: string | undefined): string {
  return traces === undefined ? name : `${name}, ${Number(traces) * 100} % traced`;
}

let runs = 0;

/** How much a contestant is given: see {@linkcode Task}. */
export interface Size extends Pick<Task, "events" | "warmUp" | "concurrency" | "stalledMs"> {
  /** One unless given. */
  readonly functions?: number;
  /** More waits behind what is measured: the processor's time is then taken without what comes after it. */
  readonly goesOn?: boolean;
}

/** @param whenReady is called once it listens, for what is to be published then */
export async function runContestant(
  { server, nc, collector }: Setting,
  { name, kind, traces }: Contestant,
  size: Size,
  whenReady: () => Promise<void> = async () => {},
): Promise<Run> {
  const { functions: count = 1, goesOn = false, ...rest } = size, runName = `${kind}${runs++}`;
  const functions = Array.from({ length: count }, (_, fn) => `${runName}n${fn}`);
  const task: Task = { url: server.url, stream: STREAM, functions, ...rest };
  await collector.taken();
  await using helper = new Helper(name, ["-A", beside(`contestants/${kind}.ts`), JSON.stringify(task)], {
    env: collector.environment(traces),
  });
  const measured = async () => {
    await helper.told("first");
    const before = await cpuMicrosOf(server.pid);
    const lap = await helper.told<Lap>("last");
    return { lap, before, after: await cpuMicrosOf(server.pid) };
  };
  const [{ lap, before, after }] = await Promise.all([measured(), helper.told("ready").then(whenReady)]);
  await helper.end();
  const stopped = await helper.told<Stopped>("stopped");
  await forget(nc, functions);
  const spans = await collector.taken();
  return {
    perSecond: lap.events / lap.seconds,
    cpuMicros: (goesOn ? lap : stopped).cpuMicros / lap.events,
    serverCpuMicros: before === undefined || after === undefined ? undefined : (after - before) / lap.events,
    memoryBytes: lap.memoryBytes,
    memoryCurve: lap.memoryCurve,
    latencyMicros: lap.latencyMicros,
    lost: lap.lost,
    repeated: stopped.repeated,
    spans,
    spansDropped: stopped.spansDropped ?? (stopped.spansEnded ?? spans) - spans,
  };
}

/** What all tables show of a contestant. */
export function rowOf(name: string, runs: readonly Run[]): Row {
  const spread = (pick: (run: Run) => number | undefined) => spreadOfAll(runs.map(pick));
  return {
    name,
    figures: {
      "events/s": spread((run) => run.perSecond),
      "CPU µs": spread((run) => run.cpuMicros),
      "NATS CPU µs": spread((run) => run.serverCpuMicros),
      "memory MB": spread((run) => run.memoryBytes / 1e6),
      ...(runs.some(({ latencyMicros }) => latencyMicros) && {
        "p50 ms": spread((run) => run.latencyMicros && run.latencyMicros.p50 / 1e3),
        "p99 ms": spread((run) => run.latencyMicros && run.latencyMicros.p99 / 1e3),
        "p99.9 ms": spread((run) => run.latencyMicros && run.latencyMicros.p999 / 1e3),
      }),
      "lost": spread((run) => run.lost),
      "twice": spread((run) => run.repeated),
      ...(runs.some(({ spans, spansDropped }) => spans + spansDropped > 0) && {
        "spans": spread((run) => run.spans),
        "dropped": spread((run) => run.spansDropped),
      }),
    },
  };
}

/** What no run may have done. */
export function brokenOf(results: ReadonlyMap<string, readonly Run[]>): string[] {
  return [...results].flatMap(([name, runs]) =>
    runs.flatMap(({ lost, repeated }, round) => [
      ...lost === 0 ? [] : [`${name}, round ${round + 1}: ${lost} events never came`],
      ...repeated === 0 ? [] : [`${name}, round ${round + 1}: ${repeated} events came more than once`],
    ])
  );
}
