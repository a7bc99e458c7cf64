import type { Latency, Measurement, Stopped, Task } from "./contestants/task.ts";
import { deleteConsumers } from "./backlog.ts";
import { STREAM } from "./order.ts";
import { benchPath, cpuMicrosOf, Helper } from "./process.ts";
import type { Row, Setting } from "./scenario.ts";
import { spreadOfAll } from "./rounds.ts";

/** A program that consumes the stream. */
export interface Contestant {
  /** The name in reports. */
  readonly name: string;
  readonly kind: "bare" | "careful" | "weir";
  /** The ratio of traces that it exports. Undefined: none. */
  readonly traces?: string;
}

/** A run of a contestant, from the end of its warm-up to its last event. */
export interface Run {
  readonly perSecond: number;
  /** CPU time of the contestant per event, with the export of its spans. */
  readonly cpuMicros: number;
  /** CPU time of the nats-server per event; undefined without `/proc`. */
  readonly serverCpuMicros: number | undefined;
  readonly memoryBytes: number;
  readonly memoryCurve: readonly number[];
  readonly latencyMicros: Latency | undefined;
  readonly lost: number;
  readonly repeated: number;
  /** Spans that the collector received. */
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

/** The size of a contestant's {@linkcode Task}. */
export interface Size extends Pick<Task, "events" | "warmUp" | "concurrency" | "stalledMs"> {
  /** The number of functions. @default 1 */
  readonly functions?: number;
  /** True when the backlog is longer than the measurement: CPU time is then taken at its end. @default false */
  readonly continues?: boolean;
}

/** Runs a contestant. @param whenReady publishes events once it consumes. Default: none. */
export async function runContestant(
  { server, nc, collector }: Setting,
  { name, kind, traces }: Contestant,
  size: Size,
  whenReady: () => Promise<void> = async () => {},
): Promise<Run> {
  const { functions: count = 1, continues = false, ...rest } = size, runName = `${kind}${runs++}`;
  const functions = Array.from({ length: count }, (_, fn) => `${runName}n${fn}`);
  const task: Task = { url: server.url, stream: STREAM, functions, ...rest };
  await collector.takeSpanCount();
  await using helper = new Helper(name, ["-A", benchPath(`contestants/${kind}.ts`), JSON.stringify(task)], {
    env: collector.environment(traces),
  });
  const measured = async () => {
    await helper.waitForLine("first");
    const before = await cpuMicrosOf(server.pid);
    const lap = await helper.waitForLine<Measurement>("last");
    return { lap, before, after: await cpuMicrosOf(server.pid) };
  };
  const [{ lap, before, after }] = await Promise.all([measured(), helper.waitForLine("ready").then(whenReady)]);
  await helper.end();
  const stopped = await helper.waitForLine<Stopped>("stopped");
  await deleteConsumers(nc, functions);
  const spans = await collector.takeSpanCount();
  return {
    perSecond: lap.events / lap.seconds,
    cpuMicros: (continues ? lap : stopped).cpuMicros / lap.events,
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

/** Returns the row of a contestant in a table. */
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

/** Returns the lost and repeated events of all runs, in words. */
export function brokenOf(results: ReadonlyMap<string, readonly Run[]>): string[] {
  return [...results].flatMap(([name, runs]) =>
    runs.flatMap(({ lost, repeated }, round) => [
      ...lost === 0 ? [] : [`${name}, round ${round + 1}: ${lost} events were lost`],
      ...repeated === 0 ? [] : [`${name}, round ${round + 1}: ${repeated} events were handled more than once`],
    ])
  );
}
