/**
 * Runs a contestant in its own process, which makes its CPU time and memory measurable. It counts the events handled,
 * and reports to the bench in lines of JSON.
 *
 * Counting costs each contestant the same: parsing a number from the order's id, and a byte in an array.
 */
import { Histogram } from "../histogram.ts";
import { nowMs, numberOf, type Order } from "../order.ts";
import type { Measurement, StartMark, Task } from "./task.ts";

/** Ends the contestant. It resolves once all acks and spans are sent. */
export type Stop = () => Promise<{ readonly spansEnded?: number; readonly spansDropped?: number }>;

/** Records that the function with index `fn` begins to handle an order. */
export type Seen = (fn: number, order: Pick<Order, "orderId" | "at">) => void;

const STALLED_MS = 20_000;

/** Runs a contestant until the bench closes its standard input. */
export async function compete(start: (task: Task, seen: Seen) => Promise<Stop>): Promise<void> {
  const task: Task = JSON.parse(Deno.args[0]);
  const marks = new Uint8Array(task.functions.length * task.events), latency = new Histogram();
  const all = marks.length;
  let seen = 0, repeated = 0, seenBefore = -1;
  let started: StartMark | undefined;
  const begin = () => {
    started = startMark();
    printLine("first");
  };
  const measurement = (): Measurement => ({
    ...spentSince(started ?? startMark()),
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
    if (n >= task.events) return; // the backlog continues after the measured events
    if (marks[fn * task.events + n]++ > 0) return void repeated++;
    seen++;
    if (at > 0 && seen > task.warmUp) latency.record((nowMs() - at) * 1_000);
    if (seen === task.warmUp) begin();
    if (seen % every === 0) curve.push(Deno.memoryUsage().rss);
    if (seen === all) printLine("last", measurement());
  });
  printLine("ready");
  const watch = setInterval(() => {
    if (seen === all) return clearInterval(watch);
    if (seen === seenBefore) {
      clearInterval(watch);
      if (!started) begin();
      printLine("last", measurement());
    }
    seenBefore = seen;
  }, task.stalledMs ?? STALLED_MS);
  for await (const _ of Deno.stdin.readable) { /* until the bench closes it or ends */ }
  const spans = await stop();
  printLine("stopped", { ...spans, repeated, cpuMicros: started ? spentSince(started).cpuMicros : 0 });
  Deno.exit(0);
}

/** Prints a line of JSON for the bench. */
export function printLine(what: string, more: object = {}): void {
  console.log(JSON.stringify({ what, ...more }));
}

function startMark(): StartMark {
  return { atMs: performance.now(), cpuMicros: cpuMicros() };
}

function spentSince({ atMs, cpuMicros: before }: StartMark): { seconds: number; cpuMicros: number } {
  return { seconds: (performance.now() - atMs) / 1_000, cpuMicros: cpuMicros() - before };
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
