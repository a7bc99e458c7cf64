import { jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { startServer } from "../../../runtime/nats_server/server.ts";
import type { Random } from "../../support/random.ts";
import { waitUntilSettled } from "../collect.ts";
import type { PlannedFault } from "../faults.ts";
import { runFaults } from "../faults.ts";
import { type Halt, judgeOrder, type OrderVerdict, readRuns, takeoverGaps } from "../order_ledger.ts";
import { pause } from "../pause.ts";
import { chaosProject } from "../project.ts";
import { Publisher } from "../publisher.ts";
import { Replicas } from "../replicas.ts";
import { scaled, type Scenario } from "../section.ts";
import type { Message } from "../workload.ts";

const EVENTS = 200_000, STOP_MS = 20_000;
/** Interval of the events that fail for a while, and that time. */
const FAILS_EVERY = 997, FAILS_FOR_MS = 6_000;

/** The load and the faults of a run. */
export interface OrderTrial {
  readonly events: number;
  readonly keys: number;
  readonly perSecond: number;
  readonly replicas: number;
  /** Default: one process handles all keys. */
  readonly partitions?: number;
  readonly kills: number;
  readonly stops: number;
  readonly random: Random;
  readonly progress: (line: string) => void;
}

export interface OrderResult extends OrderVerdict {
  /** Milliseconds without a run after a kill or stop of the process that handled the events. */
  readonly gaps: readonly number[];
  readonly exitCodes: readonly number[];
  readonly seconds: number;
}

/** Kills and stops processes of a function with `order` under load, and judges the order of its runs. */
export async function runOrder(trial: OrderTrial): Promise<OrderResult> {
  const { events, keys, perSecond, progress } = trial, halts: Halt[] = [];
  await using server = await startServer();
  await using project = await chaosProject();
  const folder = `${project.path}/order`;
  await Deno.mkdir(folder);
  const env = {
    NATS_URL: server.url,
    ORDER_LEDGER: folder,
    WEIR_FUNCTIONS: "keep",
    ...(trial.partitions && { KEEP_PARTITIONS: String(trial.partitions) }),
  };
  await using replicas = await Replicas.start(project.path, env, trial.replicas);
  const nc = await connect({ servers: server.url });
  try {
    const startedAtMs = performance.now(), message = (n: number) => keptMessage(n, keys);
    const publisher = new Publisher(nc, { events, perSecond, message }), loading = publisher.run();
    await runFaults(plannedHalts(trial, replicas, folder, halts), publisher, progress, 500);
    await loading;
    progress("all events are stored; waiting until they are settled");
    await waitUntilSettled(await jetstreamManager(nc), [
      "ORDER",
      "RETRIES",
      ...(trial.partitions ? ["ORDER_PARTITIONS"] : []),
    ]);
    await replicas.terminateAll();
    const runs = await readRuns(folder, halts), seconds = Math.round((performance.now() - startedAtMs) / 1_000);
    const { exitCodes } = replicas;
    return { ...judgeOrder(runs, halts), gaps: takeoverGaps(runs, halts), exitCodes, seconds };
  } finally {
    await nc.close();
  }
}

function keptMessage(n: number, keys: number): Message {
  const hdrs = headers(), id = `kept-${n}`, failsUntilMs = n % FAILS_EVERY === 5 ? Date.now() + FAILS_FOR_MS : 0;
  for (const [name, value] of [["specversion", "1.0"], ["id", id], ["type", "order.kept"], ["source", "/chaos"]]) {
    hdrs.set(`ce-${name}`, value);
  }
  return {
    subject: "order.kept",
    payload: JSON.stringify({ n, key: `k${n * 7919 % keys}`, failsUntilMs }),
    id,
    headers: hdrs,
  };
}

/** Plans kills and stops, two in three of the process that handles the events. */
function plannedHalts(
  { kills, stops, random }: OrderTrial,
  replicas: Replicas,
  folder: string,
  halts: Halt[],
): PlannedFault[] {
  const kinds = random.shuffled([...Array(kills).fill("killed"), ...Array(stops).fill("stopped")] as Halt["kind"][]);
  return kinds.map((kind) => {
    const hitsHolder = random.chance(2 / 3), chance = random.next();
    return {
      kind: kind === "killed" ? "runtime kill -9" : "runtime stop",
      run: async () => {
        const index = hitsHolder ? await holder(replicas, folder) : Math.floor(chance * replicas.notStopped().length);
        const pid = replicas.pid(index), fromMs = performance.timeOrigin + performance.now(), atMs = performance.now();
        if (kind === "killed") await replicas.kill(index);
        else replicas.stop(index);
        if (kind === "stopped") await pause(STOP_MS);
        const toMs = performance.timeOrigin + performance.now();
        if (kind === "stopped") replicas.continue(index);
        else await replicas.restart(index);
        halts.push({ pid, kind, fromMs, toMs });
        return { target: `replica ${index + 1}`, pid, atMs };
      },
    };
  });
}

/** Returns the replica whose file was written last. */
async function holder(replicas: Replicas, folder: string): Promise<number> {
  const written = await Promise.all(
    replicas.notStopped().map(async (index) => {
      const info = await Deno.stat(`${folder}/${replicas.pid(index)}.log`).catch(() => undefined);
      return { index, atMs: info?.mtime?.getTime() ?? 0 };
    }),
  );
  return written.toSorted((one, other) => other.atMs - one.atMs)[0].index;
}

export const order = scenario("order", "processes of a function with `order` are killed and stopped under load");

export const partitions = scenario(
  "partitions",
  "processes of a function with `order` and four partitions are killed and stopped under load",
  4,
);

function scenario(name: string, about: string, partitions?: number): Scenario {
  return { name, about, events: EVENTS, run: (options) => runScenario(name, options, partitions) };
}

async function runScenario(
  name: string,
  { events, random, progress }: Parameters<Scenario["run"]>[0],
  partitions?: number,
): ReturnType<Scenario["run"]> {
  const times = (count: number) => scaled(count, events / EVENTS);
  const load = { events, keys: Math.max(10, events / 200), perSecond: 200, replicas: 3, partitions };
  const result = await runOrder({ ...load, kills: times(30), stops: times(10), random, progress });
  const { handled, early, overlaps, afterStops, repeated, gaps, exitCodes, seconds } = result;
  const broken: string[] = [];
  if (handled < events) broken.push(`${events - handled} events were not handled`);
  if (early.length > 0) broken.push(`${early.length} runs began too early: ${early.slice(0, 5).join("; ")}`);
  if (overlaps.length > 0) {
    broken.push(`${overlaps.length} runs of a key overlapped: ${overlaps.slice(0, 5).join("; ")}`);
  }
  if (exitCodes.some((code) => code !== 0)) broken.push(`runtimes exited with ${exitCodes}`);
  const sorted = gaps.toSorted((a, b) => a - b);
  return {
    name,
    broken,
    figures: {
      sent: events,
      handled,
      repeated,
      "began too early": early.length,
      "two at once": overlaps.length,
      "runs that went on after a stop of 20 s": afterStops,
      takeovers: gaps.length,
      "ms without a run, median": Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
      "ms without a run, longest": Math.round(sorted.at(-1) ?? 0),
      seconds,
    },
  };
}
