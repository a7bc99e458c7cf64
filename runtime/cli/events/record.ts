import { dirname } from "node:path";
import { type Cluster, withCluster } from "../../app/cluster.ts";
import {
  findStoredEvent,
  readDeadEvent,
  readStoredEvent,
  type StoredEvent,
  streamsStoring,
  subjectsIn,
} from "../../nats/inspect/read_message.ts";
import { loadProject } from "../../project/load_project.ts";
import { covers, subjectProblem } from "../../core/subjects.ts";
import { commandConfig } from "../terminal/command_config.ts";
import { CommandFailure, usageError } from "../terminal/exit_codes.ts";
import { type JsonPath, keepValid, redactPaths } from "./redact.ts";
import { suggestion } from "../terminal/suggestion.ts";

/** Options of `events record`. */
interface RecordOptions {
  readonly id?: string;
  readonly sequence?: number;
  readonly stream?: string;
  readonly deadLetter?: number;
  readonly out?: string;
  readonly redact?: readonly string[];
  readonly force?: boolean;
}

/** Writes an event of a stream, or of a dead letter, to a file that a test can load. */
export async function record(type: string | undefined, options: RecordOptions): Promise<void> {
  const problem = type === undefined ? undefined : subjectProblem(type);
  if (problem) throw usageError(`${JSON.stringify(type)} is not an event's type: ${problem}`);
  if (type === undefined && options.deadLetter === undefined) {
    throw usageError("record which event? name its type, or --dead-letter and its sequence");
  }
  if (type !== undefined && options.deadLetter !== undefined) {
    throw usageError("--dead-letter names one event: leave out the type");
  }
  if (options.out !== undefined && !options.force) await mustNotExist(options.out);
  const event = await withCluster(
    commandConfig(),
    (cluster) =>
      type === undefined ? readDeadLetter(cluster, options.deadLetter!) : readFromStream(cluster, type, options),
  );
  const { redact = [] } = options;
  const { writeRecording } = await import("../../testing/recorded_event.ts"); // loaded here: no other command needs it
  const text = writeRecording({ kind: "recorded", ...event, payload: await redactPayload(event, redact) });
  if (options.out === undefined) return console.log(text.trimEnd());
  await write(options.out, text, options.force ?? false);
  console.error(`recorded ${event.subject}, ${event.stream} ${event.sequence}, in ${options.out}`);
  if (redact.length === 0) {
    console.error("all of its data is in the file: --redact PATH removes what must not be in a repository");
  }
}

async function readDeadLetter({ nc, jsm }: Cluster, sequence: number): Promise<StoredEvent> {
  const event = await readDeadEvent(nc, jsm, sequence);
  if (!event) {
    throw new CommandFailure(`there is no dead letter ${sequence}: \`deno task dead-letters list\` shows all`);
  }
  return event;
}

async function readFromStream({ nc, jsm }: Cluster, type: string, options: RecordOptions): Promise<StoredEvent> {
  const stream = options.stream ?? await onlyStream(await streamsStoring(jsm, type), type);
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
    const todo = "use --sequence if its headers contain no id";
    throw new CommandFailure(`stream ${stream} has no "${type}" with the id ${JSON.stringify(options.id)}: ${todo}`);
  }
  const event = await readStoredEvent(nc, stream, { last_by_subj: type });
  if (event) return event;
  const found = await subjectsIn(jsm, stream);
  throw new CommandFailure(
    `stream ${stream} has no "${type}"` + (found.length > 0 ? `: ${suggestion(type, found)}` : " and no other event"),
  );
}

function onlyStream(streams: readonly string[], type: string): string {
  if (streams.length === 1) return streams[0];
  if (streams.length === 0) {
    throw new CommandFailure(`no stream stores "${type}": it may never have been published here`);
  }
  throw usageError(`"${type}" is in the streams ${streams.join(", ")}: name one with --stream`);
}

/**
 * Replaces values at the given paths of the payload.
 *
 * @throws {CommandFailure} when a path matches nothing: a misspelled path would leave a secret in the file.
 */
async function redactPayload(event: StoredEvent, paths: readonly string[]): Promise<Uint8Array> {
  const { payload } = event;
  if (paths.length === 0) return payload;
  let original: unknown;
  try {
    original = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw new CommandFailure("--redact needs JSON data, and this event has other data: nothing was recorded");
  }
  const { data, redacted, missing } = redactPaths(original, paths);
  if (missing.length === 0) {
    return new TextEncoder().encode(JSON.stringify(await replayable(event, original, data, redacted)));
  }
  const names = typeof original === "object" && original !== null ? Object.keys(original) : [];
  const first = missing[0].split(".")[0];
  const hint = names.includes(first) ? "" : `: ${suggestion(first, names)}`;
  throw new CommandFailure(`its data has nothing at ${missing.join(", ")}${hint}; nothing was recorded`);
}

/** Makes redacted data valid for the schema of its type, if the project has one. Prints what was replaced or is unsure. */
async function replayable(stored: StoredEvent, original: unknown, data: unknown, redacted: readonly JsonPath[]) {
  const header = (name: string) => Object.entries(stored.headers).find(([key]) => key.toLowerCase() === name)?.[1];
  const type = header("ce-type") ?? stored.subject;
  const structured = /^application\/cloudevents/i.test(header("content-type") ?? "");
  const project = structured ? undefined : await loadProject().catch(() => undefined);
  const event = project?.events.get(type);
  if (!event) {
    const why = structured
      ? "it is a structured CloudEvent"
      : project
      ? `the project has no event of type "${type}"`
      : "no project loads here";
    console.error(
      `the schema may refuse "[redacted]", which was not checked because ${why}: edit the file if a test fails`,
    );
    return data;
  }
  const { data: valid, replaced, refused } = await keepValid(event, original, data, redacted);
  const list = (paths: readonly JsonPath[]) => paths.map((path) => path.join(".")).join(", ");
  if (replaced.length > 0) console.error(`the schema refuses "[redacted]", so a sample value is at: ${list(replaced)}`);
  if (refused.length > 0) console.error(`the schema refuses the value that is now at: ${list(refused)}`);
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
  return new CommandFailure(`${path} exists already: --force overwrites it`);
}
