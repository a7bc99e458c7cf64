import { jetstreamManager } from "@nats-io/jetstream";
import { audit, createStream } from "../backlog.ts";
import type { Load, Loaded } from "../contestants/http_load.ts";
import { STREAM } from "../order.ts";
import { benchPath, cpuMicrosOf, Helper, residentBytesOf } from "../process.ts";
import { benchProject, startWeir } from "../project.ts";
import { interleave, ratioOf, spreadOf, spreadOfAll } from "../rounds.ts";
import type { Scenario, Setting } from "../scenario.ts";

/** An HTTP server that stores posted events. All run for the whole scenario, and receive requests in turn. */
interface Endpoint {
  readonly name: string;
  readonly helper: Helper;
  readonly url: string;
}

interface Posted extends Loaded {
  readonly events: number;
  readonly endpointCpuMicros: number | undefined;
  readonly serverCpuMicros: number | undefined;
  readonly residentBytes: number | undefined;
  readonly lost: number;
  readonly repeated: number;
}

const ONE = { what: "one event", connections: 64, batch: 1, share: 0.2 };
const BULK = { what: "NDJSON of 1,000", connections: 4, batch: 1_000, share: 0.5 };
const BULK_PER_SECOND = 100_000;
let runs = 0;

/** Posts events over HTTP, one by one and in bulk. */
export const ingress: Scenario = {
  name: "ingress",
  about: "events posted over HTTP: one each on 64 connections, and in bulk",
  run: async (setting) => {
    const { nc, server, collector, rounds, events, traces = "0.1", onlyBars, progress } = setting;
    await createStream(nc);
    const traced = collector.environment(traces), percent = `${Number(traces) * 100} % traced`;
    await using project = await benchProject();
    const byHand = (kind: string, env: Record<string, string>) =>
      new Helper(kind, ["-A", benchPath("contestants/serve.ts"), JSON.stringify({ url: server.url, kind })], { env });
    await using bareHelper = byHand("bare", {});
    await using carefulHelper = byHand("careful", traced);
    await using weirHelper = startWeir(project.path, server.url, { WEIR_ROLES: "ingress", ...traced });
    const open = async (name: string, helper: Helper): Promise<Endpoint> => ({
      name,
      helper,
      url: (await helper.waitForLine<{ url: string }>("ready")).url,
    });
    const bare = await open("by hand", bareHelper);
    const careful = await open(`with care, ${percent}`, carefulHelper);
    const weir = await open(`Weir, ${percent}`, weirHelper);

    let spans = 0;
    const turns = [ONE, BULK].flatMap((load) =>
      [...onlyBars ? [] : [bare], careful, weir].map((endpoint) => ({
        name: `${endpoint.name}: ${load.what}`,
        run: async () => {
          const posted = await post(setting, endpoint, load, Math.ceil(events * load.share));
          spans += await collector.takeSpanCount();
          return posted;
        },
      }))
    );
    progress("once each, to warm up");
    for (const { run } of turns) await run();
    const results = await interleave(rounds, turns, progress);
    for (const { helper } of [careful, weir]) await helper[Symbol.asyncDispose](); // exports its last spans
    spans += await collector.takeSpanCount();
    const speed = (endpoint: Endpoint, { what }: typeof ONE) =>
      results.get(`${endpoint.name}: ${what}`)!.map(({ events, seconds }) => events / seconds);
    return {
      name: ingress.name,
      about:
        `by hand is Deno.serve, zod and js.publish(); ${
          Math.ceil(events * ONE.share)
        } events one by one on ${ONE.connections} connections, and ` +
        `${Math.ceil(events * BULK.share)} in bulk on ${BULK.connections}; read back from the stream after each run; ` +
        `${spans} spans of all runs came to the collector`,
      rows: turns.map(({ name }) => rowOf(name, results.get(name)!)),
      ratios: [
        ...onlyBars ? [] : [{
          what: `${ONE.what}, requests/s: ${weir.name} / ${bare.name}`,
          value: ratioOf(speed(weir, ONE), speed(bare, ONE)),
        }],
        ...[ONE, BULK].map((load) => ({
          what: `${load.what}, events/s: ${weir.name} / ${careful.name}`,
          value: ratioOf(speed(weir, load), speed(careful, load)),
          ...(load === ONE && { bar: { kind: "at least" as const, limit: 2 } }),
        })),
      ],
      aims: [{
        what: `${BULK.what}: ${weir.name}`,
        unit: "events/s",
        value: spreadOf(speed(weir, BULK)),
        bar: { kind: "at least", limit: BULK_PER_SECOND },
      }],
      broken: [...results].flatMap(([name, all]) => all.flatMap((one, round) => brokenIn(name, round, one))),
    };
  },
};

async function post(
  { nc, server }: Setting,
  { helper, url }: Endpoint,
  { connections, batch }: typeof ONE,
  events: number,
): Promise<Posted> {
  await (await jetstreamManager(nc)).streams.purge(STREAM);
  const load: Load = { url, connections, events, batch, run: `run${runs++}` };
  const cpu = () => Promise.all([cpuMicrosOf(helper.pid), cpuMicrosOf(server.pid)]);
  const before = await cpu();
  await using client = new Helper("the client", ["-A", benchPath("contestants/http_load.ts"), JSON.stringify(load)]);
  const loaded = await client.waitForLine<Loaded>("loaded");
  const after = await cpu(), residentBytes = await residentBytesOf(helper.pid);
  const each = (i: number) => after[i] === undefined ? undefined : (after[i] - before[i]!) / events;
  return {
    ...loaded,
    ...await audit(nc, events),
    events,
    endpointCpuMicros: each(0),
    serverCpuMicros: each(1),
    residentBytes,
  };
}

function rowOf(name: string, posted: readonly Posted[]) {
  const spread = (pick: (one: Posted) => number | undefined) => spreadOfAll(posted.map(pick));
  return {
    name,
    figures: {
      "events/s": spread((one) => one.events / one.seconds),
      "CPU µs": spread((one) => one.endpointCpuMicros),
      "NATS CPU µs": spread((one) => one.serverCpuMicros),
      "client CPU µs": spread((one) => one.cpuMicros / one.events),
      "memory MB": spread((one) => one.residentBytes && one.residentBytes / 1e6),
      "p50 ms": spread((one) => one.p50 / 1e3),
      "p99 ms": spread((one) => one.p99 / 1e3),
      "refused": spread((one) => one.refused),
      "lost": spread((one) => one.lost),
      "twice": spread((one) => one.repeated),
    },
  };
}

function brokenIn(name: string, round: number, { refused, lost, repeated }: Posted): string[] {
  const where = `${name}, round ${round + 1}:`;
  return [
    ...refused > 0 ? [`${where} ${refused} events were not answered with 202`] : [],
    ...lost > 0 ? [`${where} ${lost} events are not in the stream`] : [],
    ...repeated > 0 ? [`${where} ${repeated} events are in the stream more than once`] : [],
  ];
}
