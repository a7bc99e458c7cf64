/**
 * What every contestant runs on: it counts what comes, and tells the driver by lines of JSON. A contestant is a
 * process of its own, so that its processor time and memory are its own.
 *
 * Each pays the same for the counting: a number out of the order's id, and a byte in an array.
 */
import { Histogram } from "../histogram.ts";
import { nowMs, numberOf, type Order } from "../order.ts";
import type { Lap, Marks, Task } from "./task.ts";

/** Ends the contestant: acks and spans are out when it resolves. */
export type Stop = () => Promise<{ readonly spansEnded?: number; readonly spansDropped?: number }>;

/** Tells that the function of this number begins with this order. */
export type Seen = (fn: number, order: Pick<Order, "orderId" | "at">) => void;

const STALLED_MS = 20_000;

/** Runs a contestant to the end of its input, which the driver closes. */
export async function compete(start: (task: Task, seen: Seen) => Promise<Stop>): Promise<void> {
  const task: Task = JSON.parse(Deno.args[0]);
  const marks = new Uint8Array(task.functions.length * task.events), latency = new Histogram();
  const all = marks.length;
  let seen = 0, repeated = 0, atSeen = -1;
  let began: Marks | undefined;
  const begin = () => {
    began = now();
    tell("first");
  };
  const last = (): Lap => ({
    ...spent(began ?? now()),
    events: Math.max(1, seen - task.warmUp),
    lost: all - seen,
    latencyMicros: latency.count === 0 ? undefined : {
      p50: latency.percentile(50),
      p99: latency.percentile(99),
      p999: latency.percentile(99.9),
      max: latency.max,
    },
    memoryBytes: Deno.memoryUsage().rss,
    memoryCurve: curve,
  });
  const curve: number[] = [];
  const every = Math.ceil(all / 10);
  const stop = await start(task, (fn, { orderId, at }) => {
    const n = numberOf(orderId);
    if (n >= task.events) return; // the backlog goes on behind what is measured
    if (marks[fn * task.events + n]++ > 0) return void repeated++;
    seen++;
    if (at > 0 && seen > task.warmUp) latency.record((nowMs() - at) * 1_000);
    if (seen === task.warmUp) begin();
    if (seen % every === 0) curve.push(Deno.memoryUsage().rss);
    if (seen === all) tell("last", last());
  });
  tell("ready");
  const watch = setInterval(() => {
    if (seen === all) return clearInterval(watch);
    if (seen === atSeen) {
      clearInterval(watch);
      if (!began) begin();
      tell("last", last());
    }
    atSeen = seen;
  }, task.stalledMs ?? STALLED_MS);
  for await (const _ of Deno.stdin.readable) { /* until the driver closes it, or is gone */ }
  const spans = await stop();
  tell("stopped", { ...spans, repeated, cpuMicros: began ? spent(began).cpuMicros : 0 });
  Deno.exit(0);
}

export function tell(what: string, more: object = {}): void {
  console.log(JSON.stringify({ what, ...more }));
}

function now(): Marks {
  return { atMs: performance.now(), cpuMicros: cpuMicros() };
}

function spent({ atMs, cpuMicros: before }: Marks): { seconds: number; cpuMicros: number } {
  return { seconds: (performance.now() - atMs) / 1_000, cpuMicros: cpuMicros() - before };
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
