/**
 * Posts orders over a number of connections with one request in flight each, and reports the result. It is a process of
 * its own, so that its work is not measured.
 */
import { Histogram } from "../histogram.ts";
import { HttpConnection, postRequest } from "../http_connection.ts";
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

/** A request, and how many events it has. */
interface Post {
  readonly request: Uint8Array;
  readonly events: number;
}

/** Made before the time is taken: making a request takes as long as sending it. */
const posts: readonly Post[] = Array.from({ length: Math.ceil(load.events / load.batch) }, (_, i) => {
  const from = i * load.batch, to = Math.min(load.events, from + load.batch);
  const request = load.batch === 1
    ? postRequest(`${load.url}/orders`, "application/json", JSON.stringify(order(from)))
    : postRequest(`${load.url}/events`, "application/x-ndjson", lines(from, to));
  return { request, events: to - from };
});

async function work(connection: HttpConnection): Promise<void> {
  while (next < posts.length) {
    const { request, events } = posts[next++], beganMs = performance.now();
    const status = await connection.send(request);
    micros.record((performance.now() - beganMs) * 1_000);
    if (status !== 202) refused += events;
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
