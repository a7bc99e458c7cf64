/**
 * `deno task bench`: a backlog of order events drained by Weir with everything on (validation, retry and breaker
 * bookkeeping, deadline, trace ids) and by the bare loop one would write against the client, with nothing on.
 *
 * The two take turns on the same server in the same minute, and the ratio is what counts: figures of one machine say
 * little about another. Lost or repeated events make the run fail.
 */
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import { startServer } from "../../runtime/broker/server.ts";
import { systemClock } from "../../runtime/clock.ts";
import { readConfig } from "../../runtime/config.ts";
import { JetStreamStore } from "../../runtime/nats/jetstream_store.ts";
import { startRuntime } from "../../runtime/runtime.ts";
import { Logger } from "../../runtime/telemetry/log.ts";
import { droppedSpans } from "../../runtime/telemetry/drops.ts";
import { setupTracing } from "../../runtime/telemetry/tracing.ts";
import { registryOf } from "../../runtime/testing/modules.ts";

const EVENTS = 50_000;
const ROUNDS = 5;
const CONCURRENCY = 256;

const Line = z.object({ sku: z.string(), quantity: z.int().positive() });
const Ordered = defineEvent({
  type: "bench.ordered",
  version: 1,
  data: z.object({ orderId: z.string(), customer: z.string(), items: z.array(Line), total: z.int(), note: z.string() }),
});

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

if (Deno.args.includes("--help")) {
  console.log(
    "Usage: deno task bench [--json] [--traces=RATIO]\n\n" +
      "Drains a backlog with Weir and with a bare loop, in turns, and prints the ratio.\n" +
      "--traces: exports spans of so many events, 0 to 1, to a collector that it starts. Default: ids only.",
  );
  Deno.exit(0);
}
const json = Deno.args.includes("--json");
const traces = Deno.args.find((arg) => arg.startsWith("--traces="))?.slice("--traces=".length);
await using server = await startServer();
const nc = await connect({ servers: server.url });
const jsm = await jetstreamManager(nc);
await preload(nc);

const collector = traces === undefined ? undefined : await startCollector(traces);
const tracing = await setupTracing((name) => collector && Deno.env.get(name), "bench");
const results: Record<"bare" | "weir", Round[]> = { bare: [], weir: [] };
for (let round = 0; round < ROUNDS; round++) {
  results.bare.push(await measure((done) => bare(`bare${round}`, done)));
  results.weir.push(await measure((done) => weir(`weir${round}`, done)));
}
await nc.drain();
await tracing.shutdown();
collector?.kill();
report();

/** The exporter reads the process's own environment. */
async function startCollector(ratio: string): Promise<Deno.ChildProcess> {
  const args = ["run", "--allow-net", new URL("collector.ts", import.meta.url).pathname];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const { value } = await child.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  Deno.env.set("OTEL_EXPORTER_OTLP_ENDPOINT", value!.trim());
  Deno.env.set("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
  Deno.env.set("OTEL_TRACES_SAMPLER_ARG", ratio);
  return child;
}

/** Stores the backlog that every round drains: 330 bytes of data, as many headers as Weir's own events have. */
async function preload(nc: NatsConnection): Promise<void> {
  await jsm.streams.add({ name: "BENCH", subjects: ["bench.>"] });
  const store = new JetStreamStore(nc, systemClock);
  const items = Array.from({ length: 4 }, (_, i) => ({ sku: `article-${i}`, quantity: i + 1 }));
  for (let at = 0; at < EVENTS; at += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => {
      const id = `order-${at + i}`;
      const hdrs = headers();
      hdrs.set("Nats-Msg-Id", id);
      hdrs.set("ce-specversion", "1.0");
      hdrs.set("ce-id", id);
      hdrs.set("ce-type", Ordered.type);
      hdrs.set("ce-source", "/bench");
      hdrs.set("ce-time", "2026-01-01T00:00:00.000Z");
      hdrs.set("content-type", "application/json");
      const data = { orderId: id, customer: "somebody", items, total: 12_345, note: "x".repeat(100) };
      return store.store(Ordered.type, new TextEncoder().encode(JSON.stringify(data)), hdrs);
    }));
  }
  store.close();
}

/** Runs one drain to its end and checks that each event came once. */
async function measure(drain: (seen: (id: string) => void) => Promise<() => Promise<void>>): Promise<Round> {
  const ids = new Set<string>();
  let repeats = 0;
  const { promise: all, resolve } = Promise.withResolvers<void>();
  const started = performance.now(), cpu = cpuMicros();
  const stop = await drain((id) => {
    if (ids.has(id)) repeats++;
    ids.add(id);
    if (ids.size === EVENTS) resolve();
  });
  await all;
  const seconds = (performance.now() - started) / 1_000, spent = cpuMicros() - cpu;
  await stop();
  if (repeats > 0) throw new Error(`${repeats} events came more than once`);
  return { perSecond: EVENTS / seconds, cpuMicros: spent / EVENTS };
}

async function bare(durable: string, seen: (id: string) => void): Promise<() => Promise<void>> {
  await jsm.consumers.add("BENCH", { durable_name: durable, ack_policy: AckPolicy.Explicit, max_ack_pending: 10_000 });
  const consumer = await jetstream(nc).consumers.get("BENCH", durable);
  const messages = await consumer.consume({ max_messages: 1_000 });
  void (async () => {
    for await (const message of messages) {
      seen(message.json<{ orderId: string }>().orderId);
      message.ack();
    }
  })();
  return async () => void await messages.close();
}

async function weir(name: string, seen: (id: string) => void): Promise<() => Promise<void>> {
  const fn = defineFunction({ on: Ordered, concurrency: CONCURRENCY }, ({ data }) => seen(data.orderId));
  const env: Record<string, string> = { NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
  const config = readConfig({ get: (variable) => env[variable], readFile: () => "" });
  const log = new Logger({ level: "error", format: "json" });
  const runtime = await startRuntime(config, registryOf({ [name]: fn }), log);
  return () => runtime.stop();
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function report(): void {
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const ratios = results.weir.map(({ perSecond }, i) => perSecond / results.bare[i].perSecond);
  const summary = {
    events: EVENTS,
    rounds: ROUNDS,
    bare: {
      perSecond: median(results.bare.map((r) => r.perSecond)),
      cpuMicros: median(results.bare.map((r) => r.cpuMicros)),
    },
    weir: {
      perSecond: median(results.weir.map((r) => r.perSecond)),
      cpuMicros: median(results.weir.map((r) => r.cpuMicros)),
    },
    ratio: { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
  };
  if (json) return console.log(JSON.stringify({ ...summary, traces, droppedSpans: droppedSpans() }));
  const row = (name: string, { perSecond, cpuMicros }: Round) =>
    `${name.padEnd(24)}${Math.round(perSecond).toLocaleString("en").padStart(10)} events/s ${
      cpuMicros.toFixed(1).padStart(6)
    } µs CPU`;
  console.log(
    `drain of ${EVENTS.toLocaleString("en")} events, medians of ${ROUNDS} interleaved rounds, none lost, none twice`,
  );
  console.log(row("bare consume() loop", summary.bare));
  console.log(row("Weir, everything on", summary.weir));
  if (traces !== undefined) console.log(`traces: ${traces}, ${droppedSpans().toLocaleString("en")} spans dropped`);
  const { median: middle, least, most } = summary.ratio;
  console.log(`ratio ${middle.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`);
}
