import { Command, InvalidArgumentError } from "commander";
import type { Cluster } from "../app/cluster.ts";
import { DATA_FILTER_HELP, type DataFilter, parseDataFilter } from "../core/data_filter.ts";
import { DURATION_HELP, parseDuration } from "../core/duration.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { ReplayRecord } from "../nats/replay/replay_position.ts";
import { Replayer } from "../nats/replay/replayer.ts";
import { loadProject } from "../project/load_project.ts";
import { type Bound, heldText, rangesOf } from "./replay/bounds.ts";
import { commandConfig, printDefaultTarget } from "./terminal/command_config.ts";
import { examples, functionName, streamName, wholeNumber } from "./terminal/command_line.ts";
import { CommandFailure, EXIT_CODES, usageError } from "./terminal/exit_codes.ts";
import { shellQuoted } from "./terminal/next_commands.ts";
import { printJson } from "./terminal/output.ts";
import { OPERATED, withOwnedCluster } from "./terminal/owned_cluster.ts";
import { Progress } from "./terminal/progress.ts";
import { consumersOf, declaresFunction } from "./terminal/selected_names.ts";
import { onStopSignal } from "./terminal/signals.ts";

/** Default number of events a second. A function handles far more, so its other events do not have to wait. */
const PER_SECOND = 1_000;

interface Options {
  readonly since?: Bound;
  readonly from?: number;
  readonly until?: Bound;
  readonly stream?: string;
  readonly where?: readonly DataFilter[];
  readonly rate: number;
  readonly force?: boolean;
  readonly abandon?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const HELP = `

--where compares the value at a path of the data, and all that are given must hold:
${DATA_FILTER_HELP}.
A replay that was interrupted continues when it is run again with the same options, and sends each
event once. Events that wait for the function already are not replayed.`;

export function replayCommand(): Command {
  return new Command("replay")
    .description("Send stored events to one function again, and to no other.")
    .argument("<name>", "the function", functionName)
    .option("--since <time>", `events since this time, or since this long ago: 24h, 2026-11-21T10:00:00Z`, time)
    .option("--from <sequence>", "events of its stream from this sequence on", wholeNumber)
    .option("--until <bound>", "events up to this sequence, this time, or this long ago", bound)
    .option("--stream <name>", "only events of this stream", streamName)
    .option("--where <filter>", "only events whose data has this value: PATH=VALUE", dataFilter)
    .option("--rate <rate>", "send at most this many a second", rate, PER_SECOND)
    .option("--force", "an idempotent function handles again also what it has handled")
    .option("--abandon", "forget an interrupted replay of the function")
    .option("--dry-run", "only count the events that would be sent")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples("replay sendReceipt --since 24h --dry-run", "replay sendReceipt --from 1200 --where customer.id=c7") +
        HELP,
    )
    .action((name: string, options: Options) => replay(name, options));
}

async function replay(name: string, options: Options): Promise<void> {
  const isBounded = (options.since === undefined) !== (options.from === undefined);
  if (!isBounded && !options.abandon) throw usageError("replay what? Say --since or --from, one of the two");
  const config = commandConfig();
  printDefaultTarget(config, options);
  await withOwnedCluster(config, OPERATED, async (cluster) => {
    const replayer = new Replayer(cluster.nc, cluster.jsm, systemClock, name, cluster.names);
    const [consumers] = (await consumersOf(cluster, [name])).values();
    if (options.abandon) return await abandon(replayer, options);
    if (consumers[0].num_waiting === 0 && !await declaresFunction(name)) {
      throw new CommandFailure(
        `no process runs ${name}, and the project has no such function: nothing would handle it`,
      );
    }
    const planned: ReplayRecord = {
      id: `replay-${crypto.randomUUID().slice(0, 8)}`,
      function: name,
      options: optionsText(options),
      where: options.where ?? [],
      force: options.force ?? false,
      ranges: await rangesOf(cluster, consumers, options),
      ...{ read: 0, sent: 0, tooLarge: 0 },
    };
    const read =
      await (options.dryRun ? dryRun(replayer, planned, options) : send(replayer, planned, options, cluster));
    if (read > 0 || options.json) return;
    for (const { stream } of planned.ranges) console.error(await heldText(cluster, stream));
  });
}

/** Resolves to the number of events that were read. */
async function send(replayer: Replayer, planned: ReplayRecord, options: Options, { nc }: Cluster): Promise<number> {
  const unfinished = await replayer.unfinished(), { function: name } = planned;
  if (unfinished && unfinished.options !== planned.options) {
    throw new CommandFailure(
      `a replay of ${name} was interrupted: finish it with \`replay ${name} ${unfinished.options}\`, or --abandon it`,
    );
  }
  if (unfinished) console.error(`continues ${unfinished.id}: ${unfinished.sent} events were sent before`);
  else if (!options.force) await noteIdempotency(name);
  const abort = new AbortController();
  const stopListening = onStopSignal(() => abort.abort(), () => Deno.exit(EXIT_CODES.interrupted));
  const progress = new Progress("sent");
  try {
    const { id, ranges, sent, read, tooLarge } = await replayer.run(unfinished ?? planned, {
      perSecond: options.rate,
      signal: abort.signal,
      progress: (record) => progress.at(record.sent),
    });
    progress.end();
    await nc.flush();
    const finished = ranges.length === 0;
    if (options.json) printJson({ replay: id, function: name, sent, read, tooLarge, finished });
    else console.log(`${id}: ${sent} of ${read} events sent to ${name}`);
    if (tooLarge > 0) {
      throw new CommandFailure(`${tooLarge} events were not sent: with their headers they exceed max_payload`);
    }
    if (!finished) throw new CommandFailure("interrupted: run it again with the same options, and it continues");
    return read;
  } finally {
    progress.end();
    stopListening();
  }
}

/** Says what an idempotent function does with a replay, since it would look as if nothing happened. */
async function noteIdempotency(name: string): Promise<void> {
  const project = await loadProject().catch(() => undefined);
  if (!project?.functions.find((fn) => fn.name === name)?.policy.idempotency) return;
  console.error(`${name} is idempotent: it skips what it has handled (\`handled-before\`); with --force it does not`);
}

/** Resolves to the number of events that were read. */
async function dryRun(replayer: Replayer, planned: ReplayRecord, { json }: Options): Promise<number> {
  const streams = new Map<string, { stream: string; events: number; first: number; last: number }>();
  let read = 0, sent = 0;
  for await (const { delivery: { stream, sequence }, isSent } of replayer.preview(planned)) {
    read++;
    if (!isSent) continue;
    sent++;
    const { events, first } = streams.get(stream) ?? { events: 0, first: sequence };
    streams.set(stream, { stream, events: events + 1, first, last: sequence });
  }
  if (json) {
    printJson({ function: planned.function, events: sent, read, streams: [...streams.values()] });
    return read;
  }
  console.log(`${sent} of ${read} events would be sent to ${planned.function}`);
  for (const { stream, events, first, last } of streams.values()) {
    console.log(`  ${stream}: ${events}, from sequence ${first} to ${last}`);
  }
  console.error("dry run: nothing was sent");
  return read;
}

async function abandon(replayer: Replayer, { json }: Options): Promise<void> {
  const unfinished = await replayer.unfinished();
  if (!unfinished) throw new CommandFailure("no replay of the function was interrupted");
  await replayer.abandon();
  if (json) printJson({ abandoned: unfinished.id, sent: unfinished.sent });
  else console.log(`${unfinished.id} is abandoned: ${unfinished.sent} events were sent`);
}

/** Returns the options that say which events are sent, as a shell takes them. */
function optionsText({ since, from, until, stream, where = [], force }: Options): string {
  return [
    ...(since ? [`--since ${boundText(since)}`] : []),
    ...(from === undefined ? [] : [`--from ${from}`]),
    ...(until ? [`--until ${boundText(until)}`] : []),
    ...(stream === undefined ? [] : [`--stream ${shellQuoted(stream)}`]),
    ...where.map(({ path, value }) => `--where ${shellQuoted(`${path.join(".")}=${value}`)}`),
    ...(force ? ["--force"] : []),
  ].join(" ");
}

function boundText(bound: Bound): string {
  if ("sequence" in bound) return String(bound.sequence);
  return "timeMs" in bound ? new Date(bound.timeMs).toISOString() : `${bound.agoMs}ms`;
}

function time(text: string): Bound {
  const agoMs = /^\d+$/.test(text) ? undefined : parseDuration(text);
  if (agoMs !== undefined) return { agoMs };
  const timeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs)) {
    throw new InvalidArgumentError(`It must be a time such as 2026-11-21T10:00:00Z, or ${DURATION_HELP}`);
  }
  return { timeMs };
}

function bound(text: string): Bound {
  return /^\d+$/.test(text) ? { sequence: wholeNumber(text) } : time(text);
}

function dataFilter(text: string, before: readonly DataFilter[] = []): DataFilter[] {
  const filter = parseDataFilter(text);
  if (!filter) throw new InvalidArgumentError(`It must be ${DATA_FILTER_HELP}`);
  return [...before, filter];
}

function rate(text: string): number {
  return wholeNumber(text.replace(/\/s$/, ""));
}
