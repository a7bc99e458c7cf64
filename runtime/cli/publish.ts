import { Command } from "commander";
import type { EventDefinition } from "../api/define_event.ts";
import { unknownType } from "../project/startup_problems.ts";
import { type Cluster, connectCluster } from "../app/cluster.ts";
import { ENVIRONMENT } from "../app/config.ts";
import { loadProject } from "../project/load_project.ts";
import { setupTracing } from "../telemetry/setup_tracing.ts";
import { seed, wholeNumber } from "./terminal/arguments.ts";
import { commandConfig, sayWhere } from "./terminal/command_config.ts";
import { CommandFailure, EXIT_CODES } from "./terminal/exit_codes.ts";
import { Progress } from "./terminal/progress.ts";
import { onStopSignal } from "./terminal/signals.ts";

interface Options {
  readonly id?: string;
  readonly sample?: number;
  readonly seed?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** How many events are on their way at once. */
const WINDOW = 256;

const HELP = `
All of it is read and checked before anything is published, so that a mistake on the last line
publishes nothing. Ctrl-C ends it, and says how many were stored.

Examples:
  deno task publish orders.created @order.json
  deno task publish orders.created - < orders.ndjson
  deno task publish orders.created --sample 1000
  deno task publish orders.created --sample 3 --dry-run   # only print what would be published`;

/** `publish`: validates all of it first, then publishes. */
export function publishCommand(): Command {
  return new Command("publish")
    .description("Publish one event, or one for each line of NDJSON. It is validated, and may be internal.")
    .argument("<type>", "the event's type, such as orders.created")
    .argument("[data]", "JSON, @FILE, or - for standard input; left out with --sample")
    .option("--sample <count>", "make so many events from the schema, and publish those", wholeNumber)
    .option("--seed <number>", "with another seed --sample makes other events; default: 1", seed)
    .option("--id <id>", "the event's id; one that was used shortly before is not stored again")
    .option("--dry-run", "only check it, and publish nothing; with --sample, print it")
    .option("--json", "print what was stored as JSON, a line an event")
    .addHelpText("after", HELP)
    .action(publish);
}

async function publish(type: string, source: string | undefined, options: Options): Promise<void> {
  checkUsage(source, options);
  const config = commandConfig();
  const { events } = await loadProject();
  const event = events.get(type);
  if (!event) throw new Error(unknownType(type, events.keys()));
  const items = source === undefined ? await samples(event, options) : await read(source, event);
  if (options.id !== undefined && items.length > 1) throw new Error("--id is for one event, and there are more");
  if (options.dryRun) return rehearse(type, items, source === undefined);
  const tracing = await setupTracing(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  sayWhere(config);
  const cluster = await connectCluster(config);
  try {
    await store(cluster, type, items, options);
  } finally {
    await cluster.close();
    await tracing.shutdown();
  }
}

function checkUsage(source: string | undefined, { sample, seed }: Options): void {
  const usage = (message: string) => new CommandFailure(message, EXIT_CODES.usage);
  if (source === undefined && sample === undefined) {
    throw usage("publish what? Give the data as JSON, @FILE or -, or say --sample 1 to have it made");
  }
  if (source !== undefined && sample !== undefined) {
    throw usage("publish what? Give data or --sample, not both: one of them would be ignored");
  }
  if (seed !== undefined && sample === undefined) throw usage("--seed is for --sample, which is not given");
}

/** Loads the reader, which no other command needs. */
async function read(source: string, event: EventDefinition): Promise<unknown[]> {
  const { readData } = await import("./publish/input.ts");
  return await readData(source, event);
}

/** Loaded only here: no other command needs what makes samples. */
async function samples(event: EventDefinition, { sample: count = 1, seed = 1 }: Options): Promise<unknown[]> {
  const { sample } = await import("../testing/sample.ts");
  const progress = new Progress("made", count);
  try {
    return Array.from({ length: count }, (_, i) => {
      progress.at(i);
      return sample(event, { seed: seed + i });
    });
  } finally {
    progress.end();
  }
}

function rehearse(type: string, items: readonly unknown[], made: boolean): void {
  if (made) { for (const data of items) console.log(JSON.stringify(data)); }
  else console.log(`${items.length} ${items.length === 1 ? "event matches" : "events match"} ${type}`);
  console.error("a dry run: nothing was published");
}

async function store(cluster: Cluster, type: string, items: readonly unknown[], options: Options): Promise<void> {
  const progress = new Progress("stored", items.length);
  const soFar = (stored: number) => `${stored} of ${items.length} events of type ${type} were stored`;
  let stored = 0, stopped = false;
  onStopSignal(() => stopped = true, () => Deno.exit(EXIT_CODES.interrupted));
  const publishOne = async (data: unknown) => {
    const id = options.id ?? crypto.randomUUID();
    const time = new Date().toISOString();
    const result = await cluster.publisher.publish({ id, type, source: "/cli", time, json: JSON.stringify(data) });
    return { id, type, ...result };
  };
  try {
    for (let at = 0; at < items.length; at += WINDOW) {
      if (stopped) throw new CommandFailure(`interrupted: ${soFar(stored)}`);
      const results = await Promise.allSettled(items.slice(at, at + WINDOW).map(publishOne));
      for (const result of results) {
        if (result.status === "rejected") continue;
        stored++;
        if (options.json) console.log(JSON.stringify(result.value));
        else if (items.length === 1) console.log(storedLine(result.value));
      }
      progress.at(stored);
      const failed = results.find((result) => result.status === "rejected");
      if (!failed) continue;
      const why = failed.reason instanceof Error ? failed.reason.message : String(failed.reason);
      throw new Error(items.length === 1 ? why : `${why}; ${soFar(stored)}`, { cause: failed.reason });
    }
  } finally {
    progress.end();
  }
  if (!options.json && items.length > 1) console.log(`stored ${items.length} events of type ${type}`);
}

function storedLine(result: { id: string; type: string; stream: string; sequence: number; duplicate: boolean }) {
  const how = result.duplicate ? "not stored again: there is already" : "stored";
  return `${how} ${result.type} ${result.id} in ${result.stream} at ${result.sequence}`;
}
