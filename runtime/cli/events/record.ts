import { dirname } from "node:path";
import { type Cluster, withCluster } from "../../app/cluster.ts";
import {
  findStoredEvent,
  readDeadEvent,
  readStoredEvent,
  type StoredEvent,
  streamsOf,
  subjectsIn,
} from "../../nats/inspect/read_message.ts";
import { loadProject } from "../../project/load_project.ts";
import { covers, subjectProblem } from "../../core/subjects.ts";
import { commandConfig } from "../terminal/command_config.ts";
import { CommandFailure, EXIT_CODES } from "../terminal/exit_codes.ts";
import { type Place, redactPaths } from "./redact.ts";
import { keepValid } from "./redact_valid.ts";
import { suggestion } from "../terminal/suggestion.ts";

/** What `events record` takes besides the type. */
interface RecordOptions {
  readonly id?: string;
  readonly sequence?: number;
  readonly stream?: string;
  readonly deadLetter?: number;
  readonly out?: string;
  readonly redact?: readonly string[];
  readonly force?: boolean;
}

/** `events record`: takes an event out of its stream, for a test to replay. */
export async function record(type: string | undefined, options: RecordOptions): Promise<void> {
  const problem = type === undefined ? undefined : subjectProblem(type);
  if (problem) throw usage(`${JSON.stringify(type)} is not an event's type: ${problem}`);
  if (type === undefined && options.deadLetter === undefined) {
    throw usage("record which event? name its type, or --dead-letter and its sequence");
  }
  if (type !== undefined && options.deadLetter !== undefined) {
    throw usage("--dead-letter names one event: leave out the type");
  }
  if (options.out !== undefined && !options.force) await mustNotExist(options.out);
  const event = await withCluster(
    commandConfig(),
    (cluster) => type === undefined ? dead(cluster, options.deadLetter!) : stored(cluster, type, options),
  );
  const { redact = [] } = options;
  const { writeRecording } = await import("../../testing/recorded_event.ts"); // only here: no other command needs it
  const text = writeRecording({ kind: "recorded", ...event, payload: await withoutSecrets(event, redact) });
  if (options.out === undefined) return console.log(text.trimEnd());
  await write(options.out, text, options.force ?? false);
  console.error(`recorded ${event.subject}, ${event.stream} ${event.sequence}, in ${options.out}`);
  if (redact.length === 0) console.error("with all of its data: --redact PATH takes out what belongs in no repository");
}

async function dead({ nc, jsm }: Cluster, sequence: number): Promise<StoredEvent> {
  const event = await readDeadEvent(nc, jsm, sequence);
  if (!event) {
    throw new CommandFailure(`there is no dead letter ${sequence}: \`deno task dead-letters list\` shows all`);
  }
  return event;
}

async function stored({ nc, jsm }: Cluster, type: string, options: RecordOptions): Promise<StoredEvent> {
  const stream = options.stream ?? await onlyStream(await streamsOf(jsm, type), type);
  if (options.sequence !== undefined) {
    const event = await readStoredEvent(nc, stream, { seq: options.sequence });
    if (!event) throw new CommandFailure(`stream ${stream} has no event ${options.sequence}`);
    if (covers(type, event.subject)) return event;
    throw new CommandFailure(
      `event ${options.sequence} of stream ${stream} is of type "${event.subject}", not "${type}"`,
    );
  }
  if (options.id !== undefined) {
    const event = await findStoredEvent(nc, stream, type, options.id);
    if (event) return event;
    const todo = "name it by --sequence, if its id is not in its headers";
    throw new CommandFailure(`stream ${stream} has no "${type}" with the id ${JSON.stringify(options.id)}: ${todo}`);
  }
  const event = await readStoredEvent(nc, stream, { last_by_subj: type });
  if (event) return event;
  const found = await subjectsIn(jsm, stream);
  throw new CommandFailure(
    `stream ${stream} has no "${type}"` + (found.length > 0 ? `: ${suggestion(type, found)}` : ", nor anything else"),
  );
}

function onlyStream(streams: readonly string[], type: string): string {
  if (streams.length === 1) return streams[0];
  if (streams.length === 0) throw new CommandFailure(`no stream stores "${type}": was it ever published here?`);
  throw usage(`"${type}" is in the streams ${streams.join(", ")}: name one with --stream`);
}

/** @throws {CommandFailure} when one of the paths is nowhere: what was to be taken out would stay in. */
async function withoutSecrets(event: StoredEvent, paths: readonly string[]): Promise<Uint8Array> {
  const { payload } = event;
  if (paths.length === 0) return payload;
  let given: unknown;
  try {
    given = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw new CommandFailure("--redact needs data that is JSON, and this is not: nothing was recorded");
  }
  const { data, places, missing } = redactPaths(given, paths);
  if (missing.length === 0) {
    return new TextEncoder().encode(JSON.stringify(await replayable(event, given, data, places)));
  }
  const names = typeof given === "object" && given !== null ? Object.keys(given) : [];
  const first = missing[0].split(".")[0];
  const hint = names.includes(first) ? "" : `: ${suggestion(first, names)}`;
  throw new CommandFailure(`nothing is at ${missing.join(", ")} in its data${hint}; nothing was recorded`);
}

/** The same with what the schema of its type takes, where that is known; what was done, or may be wrong, is told. */
async function replayable(stored: StoredEvent, given: unknown, data: unknown, places: readonly Place[]) {
  const header = (name: string) => Object.entries(stored.headers).find(([key]) => key.toLowerCase() === name)?.[1];
  const type = header("ce-type") ?? stored.subject;
  const structured = /^application\/cloudevents/i.test(header("content-type") ?? "");
  const project = structured ? undefined : await loadProject().catch(() => undefined);
  const event = project?.events.get(type);
  if (!event) {
    const why = structured
      ? "it is an envelope"
      : project
      ? `no event here has the type "${type}"`
      : "nothing loads here";
    console.error(`whether its schema takes "[redacted]" is not known, since ${why}: a test may have to mend the file`);
    return data;
  }
  const { data: valid, made, refused } = await keepValid(event, given, data, places);
  const list = (some: readonly Place[]) => some.map((place) => place.join(".")).join(", ");
  if (made.length > 0) console.error(`made up, since the schema refuses "[redacted]": ${list(made)}`);
  if (refused.length > 0) console.error(`the schema refuses what stands there now: ${list(refused)}`);
  return valid;
}

async function mustNotExist(path: string): Promise<void> {
  if (await Deno.lstat(path).then(() => true, () => false)) throw exists(path);
}

async function write(path: string, text: string, force: boolean): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  try {
    await Deno.writeTextFile(path, text, { createNew: !force });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw exists(path);
    throw error;
  }
}

function exists(path: string): CommandFailure {
  return new CommandFailure(`${path} is there already: --force writes over it`);
}

function usage(message: string): CommandFailure {
  return new CommandFailure(message, EXIT_CODES.usage);
}
