/**
 * Measures `WEIR_WORKERS`: `deno run -A tests/bench/workers.ts [EVENTS] [ROUNDS] [MILLISECONDS] [MOST]` drains a
 * backlog with 1, 2, … up to MOST workers in turns, with a handler that computes for MILLISECONDS.
 *
 * Server and workers share the machine, so throughput stops rising when its cores are busy. The CPU time of an event
 * shows the cost of a worker. Lost or repeated events fail the run.
 */
import { jetstreamManager } from "@nats-io/jetstream";
import { startServer } from "../../runtime/nats_server/server.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { chaosProject } from "../chaos/project.ts";
import { startWeir } from "../support/weir_process.ts";
import { readPage } from "../support/metrics_page.ts";

const [EVENTS = 100_000, ROUNDS = 3, COMPUTE_MS = 0, MOST = 3] = Deno.args.map(Number);
const STREAM = "BENCH", DURABLE = "drain", LONG_MS = 3_600_000;
const DRAIN = `
import { defineFunction } from "weir";
export default defineFunction({ on: "bench.asked", concurrency: 256 }, () => {
  for (const until = performance.now() + ${COMPUTE_MS}; performance.now() < until;);
});
`;

interface Round {
  readonly perSecond: number;
  /** CPU time of an event in all processes of Weir, with the supervisor. */
  readonly cpuMicros: number;
  readonly cores: number;
}

await using server = await startServer();
await using project = await chaosProject();
for (const folder of ["functions", "schemas"]) {
  await Deno.remove(`${project.path}/${folder}`, { recursive: true });
  await Deno.mkdir(`${project.path}/${folder}`);
}
await Deno.writeTextFile(`${project.path}/functions/${DURABLE}.ts`, DRAIN);
const nc = await connectNats({ servers: [server.url], name: "bench" });
const jsm = await jetstreamManager(nc), js = jsm.jetstream();
await jsm.streams.add({ name: STREAM, subjects: ["bench.>"] });
await (await start(1)).stop(); // creates the consumer, which each round pauses until its backlog is stored

const results = Array.from({ length: MOST }, (): Round[] => []);
for (let round = 0; round < ROUNDS; round++) {
  for (const [at, own] of results.entries()) own.push(await drain(at + 1));
}
await nc.drain();
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
console.log(`drain of ${EVENTS.toLocaleString("en")} events, ${COMPUTE_MS} ms each, medians of ${ROUNDS} rounds`);
for (const [at, own] of results.entries()) {
  const of = (key: keyof Round) => median(own.map((round) => round[key]));
  const perSecond = Math.round(of("perSecond")).toLocaleString("en").padStart(8);
  console.log(
    `WEIR_WORKERS=${at + 1} ${perSecond} events/s ${of("cpuMicros").toFixed(1).padStart(6)} µs CPU an event, ${
      of("cores").toFixed(2)
    } cores`,
  );
}

async function start(workers: number) {
  const env = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_LEVEL: "info", NATS_URL: server.url };
  const program = startWeir(project.path, ["start"], { ...env, WEIR_WORKERS: String(workers) });
  const { admin } = await program.waitForLog(({ message }) => message === "ready");
  const page = async () => readPage(await (await fetch(`${admin}/metrics`)).text());
  const value = async (name: string) => (await page()).find((series) => series.name === name)!.value;
  const stop = async () => {
    program.kill("SIGTERM");
    const { code } = await program.status;
    if (code !== 0) throw new Error(`start ended with ${code}:\n${program.lines.join("\n")}`);
  };
  return { value, stop };
}

async function drain(workers: number): Promise<Round> {
  await jsm.consumers.pause(STREAM, DURABLE, new Date(Date.now() + LONG_MS));
  const data = JSON.stringify({ orderId: "order-1", note: "x".repeat(300) });
  for (let stored = 0; stored < EVENTS; stored += 1_000) {
    const some = Math.min(1_000, EVENTS - stored);
    await Promise.all(Array.from({ length: some }, () => js.publish("bench.asked", data)));
  }
  const weir = await start(workers);
  const cpuBefore = await weir.value("process_cpu_time_seconds_total"), from = performance.now();
  await jsm.consumers.resume(STREAM, DURABLE);
  while (true) {
    const { num_pending, num_ack_pending } = await jsm.consumers.info(STREAM, DURABLE);
    if (num_pending === 0 && num_ack_pending === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - from) / 1_000;
  const cpu = await weir.value("process_cpu_time_seconds_total") - cpuBefore;
  const runs = await weir.value("weir_function_attempts_total");
  if (runs !== EVENTS) throw new Error(`${runs} runs for ${EVENTS} events`);
  await weir.stop();
  return { perSecond: EVENTS / seconds, cpuMicros: cpu * 1e6 / EVENTS, cores: cpu / seconds };
}
