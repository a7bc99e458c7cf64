/**
 * Runs a contestant in its own process, which makes its CPU time and memory measurable. It counts the events handled,
 * and reports to the bench in lines of JSON.
 *
 * Counting costs each contestant the same: parsing a number from the order's id, and a byte in an array. It uses what
 * Deno and Node share, since a contestant may run on either.
 */
import { Histogram } from "../histogram.ts";
import { nowMs, numberOf, type Order, type Receipt } from "../order.ts";
import { type Handler, handlerOf } from "./handlers.ts";
import type { Measurement, Spent, StartMark, Task } from "./task.ts";

/** Ends the contestant. It resolves once all acks and spans are sent. */
export type Stop = () => Promise<{ readonly spansEnded?: number; readonly spansDropped?: number }>;

/**
 * Returns the handler of the function with index `fn`. @param emit stores an event, by what the contestant passes on.
 */
export type HandlerFor = <To = undefined>(
  fn: number,
  emit: (receipt: Receipt, to: To) => unknown,
) => Handler<To>;

const STALLED_MS = 20_000;

/** Runs a contestant until the bench closes its standard input. */
export async function compete(start: (task: Task, handlerFor: HandlerFor) => Promise<Stop>): Promise<void> {
  const task: Task = JSON.parse(process.argv[2]), { cold = 0, warmUp, events } = task;
  const marks = new Uint8Array(task.functions.length * events), latency = new Histogram();
  const all = marks.length, every = Math.ceil(all / 10), curve: number[] = [];
  let seen = 0, repeated = 0, seenBefore = -1;
  let begun: StartMark | undefined, started: StartMark | undefined;
  const begin = () => {
    started = startMark();
    printLine("first");
  };
  const measurement = (): Measurement => ({
    ...spentSince(started ?? startMark()),
    events: Math.max(1, seen - warmUp),
    lost: all - seen,
    latencyMicros: latency.count === 0 ? undefined : {
      p50: latency.percentile(50),
      p99: latency.percentile(99),
      p999: latency.percentile(99.9),
      max: latency.max,
    },
    memoryBytes: process.memoryUsage().rss,
    memoryCurve: curve,
  });
  const count = (fn: number, { orderId, at }: Order) => {
    const n = numberOf(orderId);
    if (n >= events) return; // the backlog continues after the measured events
    if (marks[fn * events + n]++ > 0) return void repeated++;
    seen++;
    if (at > 0 && seen > warmUp) latency.record((nowMs() - at) * 1_000);
    if (seen === 1 && cold > 0) {
      begun = startMark();
      printLine("begun");
    }
    if (seen === cold) printLine("cold", spentSince(begun!));
    if (seen === warmUp) begin();
    if (seen % every === 0) curve.push(process.memoryUsage().rss);
    if (seen === all) printLine("last", measurement());
  };
  const stop = await start(task, (fn, emit) => handlerOf(task.handler, (order) => count(fn, order), emit));
  if (warmUp === 0) begin();
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
  const input = globalThis.Deno ? Deno.stdin.readable : process.stdin; // the latter takes Deno longer to load
  for await (const _ of input) { /* until the bench closes it or ends */ }
  const spans = await stop();
  printLine("stopped", { ...spans, repeated, cpuMicros: started ? spentSince(started).cpuMicros : 0 });
  process.exit(0);
}

/** Prints a line of JSON for the bench. */
export function printLine(what: string, more: object = {}): void {
  console.log(JSON.stringify({ what, ...more }));
}

function startMark(): StartMark {
  return { atMs: performance.now(), cpuMicros: cpuMicros() };
}

function spentSince({ atMs, cpuMicros: before }: StartMark): Spent {
  return { seconds: (performance.now() - atMs) / 1_000, cpuMicros: cpuMicros() - before };
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
