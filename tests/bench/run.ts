import { START_OPTIONS } from "../../runtime/cli/init/deno_json.ts";
import type { HandlerShape, Latency, Measurement, Spent, Stopped, Task } from "./contestants/task.ts";
import { deleteConsumers } from "./backlog.ts";
import type { Collector } from "./collector_process.ts";
import { STREAM } from "./order.ts";
import type { MoleculerFolder } from "./moleculer_packages.ts";
import { benchPath, cpuMicrosOf, Helper, residentBytesOf } from "./process.ts";
import type { Row, Setting } from "./scenario.ts";
import { spreadOfAll } from "./rounds.ts";

export const CONTESTANTS = ["bare", "careful", "weir", "moleculer"] as const;
export type ContestantKind = typeof CONTESTANTS[number];

/** A program that consumes the stream. */
export interface Contestant {
  /** The name in reports. */
  readonly name: string;
  readonly kind: ContestantKind;
  /** The ratio of traces that it exports. Undefined: none. */
  readonly traces?: string;
  /** The program and its arguments, for one that does not run on Deno. */
  readonly program?: readonly [string, ...string[]];
}

/** A run of a contestant, from the end of its warm-up to its last event. */
export interface Run {
  readonly perSecond: number;
  /** CPU time of the contestant per event, with the export of its spans. */
  readonly cpuMicros: number;
  /** CPU time of the nats-server per event; undefined without `/proc`. */
  readonly serverCpuMicros: number | undefined;
  /** The first events of the process; undefined unless {@linkcode Size.cold} asks for them. */
  readonly cold?: Cold;
  readonly memoryBytes: number;
  /** The most memory until the last event; undefined without `/proc`. */
  readonly peakBytes: number | undefined;
  readonly memoryCurve: readonly number[];
  readonly latencyMicros: Latency | undefined;
  readonly lost: number;
  readonly repeated: number;
  /** Spans that the collector received. */
  readonly spans: number;
  readonly spansDropped: number;
}

/** The first events of a process, without those that waited in the client when the first began. */
export interface Cold {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly serverCpuMicros: number | undefined;
}

export const BARE: Contestant = { name: "bare loop", kind: "bare" };

export function weir(traces?: string): Contestant {
  return { name: traced("Weir", traces), kind: "weir", traces };
}

export function careful(traces?: string): Contestant {
  return { name: traced("careful loop", traces), kind: "careful", traces };
}

export function moleculer(folder: MoleculerFolder): Contestant {
  return { name: "moleculer-channels", kind: "moleculer", program: ["node", folder.main] };
}

function traced(name: string, traces: string | undefined): string {
  return traces === undefined ? name : `${name}, ${Number(traces) * 100} % traced`;
}

let runs = 0;

/** The size of a contestant's {@linkcode Task}. */
export interface Size extends Pick<Task, "events" | "warmUp" | "cold" | "concurrency" | "feature" | "stalledMs"> {
  /** @default "async" */
  readonly handler?: HandlerShape;
  /** The number of functions. @default 1 */
  readonly functions?: number;
  /** True when the backlog is longer than the measurement: CPU time is then taken at its end. @default false */
  readonly continues?: boolean;
}

/** Starts the process of a contestant. */
export function startContestant(collector: Collector, contestant: Contestant, task: Task): Helper {
  const { name, kind, traces, program } = contestant;
  const [command, ...args] = program ?? [undefined, ...optionsOf(kind), benchPath(`contestants/${kind}.ts`)];
  const env = collector.environment(traces);
  return new Helper(name, [...args, JSON.stringify(task)], { program: command, env });
}

function optionsOf(kind: Contestant["kind"]): string[] {
  return kind === "weir" ? [...START_OPTIONS, "-A"] : ["-A"];
}

/** Runs a contestant. @param whenReady publishes events once it consumes. Default: none. */
export async function runContestant(
  { server, nc, collector }: Setting,
  contestant: Contestant,
  size: Size,
  whenReady: () => Promise<void> = async () => {},
): Promise<Run> {
  const { functions: count = 1, continues = false, handler = "async", ...rest } = size,
    runName = `${contestant.kind}${runs++}`;
  const functions = Array.from({ length: count }, (_, fn) => `${runName}n${fn}`);
  const task: Task = { url: server.url, stream: STREAM, functions, handler, ...rest };
  await collector.takeSpanCount();
  await using helper = startContestant(collector, contestant, task);
  const cold = rest.cold === undefined ? undefined : coldOf(helper, server.pid, rest.cold).catch(() => undefined);
  const measured = between<Measurement>(helper, server.pid, "first", "last").then(async (lap) => {
    return { ...lap, peakBytes: await residentBytesOf(helper.pid, "peak") };
  });
  const [{ line: lap, serverMicros, peakBytes }] = await Promise.all([
    measured,
    helper.waitForLine("ready").then(whenReady),
  ]);
  await helper.end();
  const stopped = await helper.waitForLine<Stopped>("stopped");
  await deleteConsumers(nc, functions);
  const spans = await collector.takeSpanCount();
  return {
    perSecond: lap.events / lap.seconds,
    cpuMicros: (continues ? lap : stopped).cpuMicros / lap.events,
    serverCpuMicros: serverMicros === undefined ? undefined : serverMicros / lap.events,
    cold: await cold,
    memoryBytes: lap.memoryBytes,
    peakBytes,
    memoryCurve: lap.memoryCurve,
    latencyMicros: lap.latencyMicros,
    lost: lap.lost,
    repeated: stopped.repeated,
    spans,
    spansDropped: stopped.spansDropped ?? (stopped.spansEnded ?? spans) - spans,
  };
}

/** Waits for two lines. Returns the second, and the CPU time of the server from one to the other. */
async function between<Line>(helper: Helper, serverPid: number, from: string, to: string) {
  await helper.waitForLine(from);
  const before = await cpuMicrosOf(serverPid), line = await helper.waitForLine<Line>(to);
  const after = await cpuMicrosOf(serverPid);
  return { line, serverMicros: before === undefined || after === undefined ? undefined : after - before };
}

async function coldOf(helper: Helper, serverPid: number, events: number): Promise<Cold> {
  const { line, serverMicros } = await between<Spent>(helper, serverPid, "begun", "cold");
  return {
    perSecond: events / line.seconds,
    cpuMicros: line.cpuMicros / events,
    serverCpuMicros: serverMicros === undefined ? undefined : serverMicros / events,
  };
}

/** Returns the row of a contestant in a table. */
export function rowOf(name: string, runs: readonly Run[]): Row {
  const spread = (pick: (run: Run) => number | undefined) => spreadOfAll(runs.map(pick));
  return {
    name,
    figures: {
      ...(runs.some(({ cold }) => cold) && {
        "cold events/s": spread((run) => run.cold?.perSecond),
        "cold CPU µs": spread((run) => run.cold?.cpuMicros),
        "cold NATS µs": spread((run) => run.cold?.serverCpuMicros),
      }),
      "events/s": spread((run) => run.perSecond),
      "CPU µs": spread((run) => run.cpuMicros),
      "NATS CPU µs": spread((run) => run.serverCpuMicros),
      "peak MB": spread((run) => run.peakBytes && run.peakBytes / 1e6),
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
