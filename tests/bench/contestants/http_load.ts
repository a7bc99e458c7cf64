/**
 * Posts orders over a number of connections with one request in flight each, and reports the result. It is a process of
 * its own, so that its work is not measured.
 */
import { Histogram } from "../histogram.ts";
import { HttpConnection } from "../http_connection.ts";
import { order, SUBJECT } from "../order.ts";
import { printLine } from "./harness.ts";

/** The orders to post. */
export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly events: number;
  /** Events per request. 1 posts to the route of one event. */
  readonly batch: number;
  /** Prefix of the ids, unique to this run. */
  readonly run: string;
}

/** The result. */
export interface Loaded {
  readonly seconds: number;
  readonly cpuMicros: number;
  /** Events in requests with a response other than 202. */
  readonly refused: number;
  readonly p50: number;
  readonly p99: number;
}

const load: Load = JSON.parse(Deno.args[0]);
const micros = new Histogram();
let next = 0, refused = 0;

async function work(connection: HttpConnection): Promise<void> {
  while (next < load.events) {
    const from = next, to = next = Math.min(load.events, from + load.batch);
    const beganMs = performance.now();
    const status = load.batch === 1
      ? await connection.post("/orders", "application/json", JSON.stringify(order(from)))
      : await connection.post("/events", "application/x-ndjson", lines(from, to));
    micros.record((performance.now() - beganMs) * 1_000);
    if (status !== 202) refused += to - from;
  }
}

function lines(from: number, to: number): string {
  let text = "";
  for (let n = from; n < to; n++) {
    const id = `${load.run}-${n}`;
    text += JSON.stringify({ specversion: "1.0", type: SUBJECT, source: "/bench", id, data: order(n) }) + "\n";
  }
  return text;
}

const open = await Promise.all(Array.from({ length: load.connections }, () => HttpConnection.open(load.url)));
const beganMs = performance.now(), before = process.cpuUsage();
await Promise.all(open.map(work));
const { user, system } = process.cpuUsage(before);
const loaded: Loaded = {
  seconds: (performance.now() - beganMs) / 1_000,
  cpuMicros: user + system,
  refused,
  p50: micros.percentile(50),
  p99: micros.percentile(99),
};
printLine("loaded", loaded);
Deno.exit(0);
