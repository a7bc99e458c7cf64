import { Command, InvalidArgumentError } from "commander";
import { type EventDefinition, payloadText } from "../api/define_event.ts";
import { type Cluster, connectCluster } from "../app/cluster.ts";
import { publishAsync } from "../engine/publisher.ts";
import { ENVIRONMENT } from "../app/config.ts";
import { findStream } from "../nats/topology/find.ts";
import { publishProblem } from "../nats/topology/foreign_stream.ts";
import { loadEvents } from "../project/load_project.ts";
import { unknownType } from "../project/unknown_name.ts";
import { setupTracing } from "../telemetry/setup_tracing.ts";
import { printable, printableJson } from "../telemetry/otel/logs/printable.ts";
import { wholeNumber } from "./terminal/command_line.ts";
import { commandConfig, printDefaultTarget } from "./terminal/command_config.ts";
import { CommandFailure, EXIT_CODES, usageError } from "./terminal/exit_codes.ts";
import { Progress } from "./terminal/progress.ts";
import { onStopSignal } from "./terminal/signals.ts";

interface Options {
  readonly id?: string;
  readonly sample?: number;
  readonly seed?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Events published at once. Bounds what is in flight, and so how soon Ctrl-C takes effect. */
const WINDOW = 256;

const HELP = `
All data is read and checked before anything is published, so a mistake on the last line publishes
nothing. Ctrl-C stops publishing and prints how many events were stored.

Examples:
  deno task publish orders.created @order.json
  deno task publish orders.created - < orders.ndjson
  deno task publish orders.created --sample 1000
  deno task publish orders.created --sample 3 --dry-run   # only print what would be published`;

export function publishCommand(): Command {
  return new Command("publish")
    .description("Publish one event, or one for each line of NDJSON. Data is validated. Events may be internal.")
    .argument("<type>", "the event's type, such as orders.created")
    .argument("[data]", "JSON, @FILE, or - for standard input; omit it with --sample")
    .option("--sample <count>", "publish this many events made from the schema", wholeNumber)
    .option("--seed <number>", "make other samples than with the default seed, 1", seed)
    .option("--id <id>", "the event's id; within the duplicate window the same id is stored once")
    .option("--dry-run", "only check the data; with --sample, print it")
    .option("--json", "print each stored event as a line of JSON")
    .addHelpText("after", HELP)
    .action(publish);
}

function seed(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0 to 999999999");
  return Number(text);
}

async function publish(type: string, source: string | undefined, options: Options): Promise<void> {
  checkUsage(source, options);
  const config = commandConfig();
  const project = await loadEvents(), { events } = project;
  const event = events.get(type);
  if (!event) throw new Error(unknownType(type, events.keys()));
  const items = source === undefined ? await samples(event, options) : await read(source, event);
  if (options.id !== undefined && items.length > 1) throw new Error("--id is for one event, and there are more");
  if (options.dryRun) return dryRun(type, items, source === undefined);
  const tracing = await setupTracing(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  printDefaultTarget(config, options);
  const cluster = await connectCluster(config, project);
  try {
    await checkPublishable(cluster, event);
    await store(cluster, event, items, options);
  } finally {
    await cluster.close();
    await tracing.shutdown();
  }
}

/** Refuses an event if its stream belongs to another owner and cannot store it, such as a mirror. @throws {Error} */
async function checkPublishable({ jsm }: Cluster, { type, stream }: EventDefinition): Promise<void> {
  if (stream === undefined) return;
  const problem = publishProblem(type, stream, (await findStream(jsm, stream))?.config);
  if (problem) throw new Error(problem);
}

function checkUsage(source: string | undefined, { sample, seed }: Options): void {
  if (source === undefined && sample === undefined) {
    throw usageError("publish what? Give the data as JSON, @FILE or -, or say --sample 1");
  }
  if (source !== undefined && sample !== undefined) {
    throw usageError("publish what? Give data or --sample, not both: one of them would be ignored");
  }
  if (seed !== undefined && sample === undefined) throw usageError("--seed needs --sample");
}

/** @throws {CommandFailure} with the first mistake in the data, and that nothing was published. */
async function read(source: string, event: EventDefinition): Promise<unknown[]> {
  const { readData } = await import("./publish/input.ts"); // loaded here: no other command needs it
  try {
    return await readData(source, event);
  } catch (error) {
    throw new CommandFailure(`${(error as Error).message}\nnothing was published`, EXIT_CODES.failed, { cause: error });
  }
}

async function samples(event: EventDefinition, { sample: count = 1, seed = 1 }: Options): Promise<unknown[]> {
  const { sample } = await import("../testing/sample.ts"); // loaded here: it is large
  return Array.from({ length: count }, (_, i) => sample(event, { seed: seed + i }));
}

function dryRun(type: string, items: readonly unknown[], areSamples: boolean): void {
  if (areSamples) {
    for (const data of items) console.log(data === undefined ? "no data" : printableJson(JSON.stringify(data)));
  } else console.log(`${items.length} ${items.length === 1 ? "event matches" : "events match"} ${type}`);
  console.error("dry run: nothing was published");
}

/** Publishes in windows, and stops after the window in which a publish failed or a stop signal came. */
async function store(
  cluster: Cluster,
  event: EventDefinition,
  items: readonly unknown[],
  options: Options,
): Promise<void> {
  const { type, version } = event;
  const progress = new Progress("stored", items.length);
  const soFar = (stored: number) => `${stored} of ${items.length} events of type ${type} were stored`;
  let stored = 0, stopped = false;
  const stopListening = onStopSignal(() => stopped = true, () => Deno.exit(EXIT_CODES.interrupted));
  const publishOne = async (data: unknown) => {
    const id = options.id ?? crypto.randomUUID(), time = new Date().toISOString();
    const json = payloadText(event, data, `publish ${type}`);
    const result = await publishAsync(cluster.publisher, { id, type, source: "/cli", time, json, version });
    return { id, type, ...result };
  };
  try {
    for (let at = 0; at < items.length; at += WINDOW) {
      if (stopped) throw new CommandFailure(`interrupted: ${soFar(stored)}`);
      const results = await Promise.allSettled(items.slice(at, at + WINDOW).map(publishOne));
      for (const result of results) {
        if (result.status === "rejected") continue;
        stored++;
        if (options.json) console.log(printableJson(JSON.stringify(result.value)));
        else if (items.length === 1) console.log(printable(storedLine(result.value)));
      }
      progress.at(stored);
      const failed = results.find((result) => result.status === "rejected");
      if (!failed) continue;
      const why = failed.reason instanceof Error ? failed.reason.message : String(failed.reason);
      throw new Error(items.length === 1 ? why : `${why}; ${soFar(stored)}`, { cause: failed.reason });
    }
  } finally {
    stopListening(); // a signal while the connection closes ends the process
    progress.end();
  }
  if (!options.json && items.length > 1) console.log(`stored ${items.length} events of type ${type}`);
}

function storedLine(result: { id: string; type: string; stream: string; sequence: number; duplicate: boolean }) {
  const { type, id, stream, sequence, duplicate } = result;
  return duplicate
    ? `duplicate, not stored again: ${type} ${id} is in ${stream} at ${sequence}`
    : `stored ${type} ${id} in ${stream} at ${sequence}`;
}
