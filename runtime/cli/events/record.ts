import { dirname } from "node:path";
import { type Cluster, withCluster } from "../../app/cluster.ts";
import type { Namespace } from "../../core/namespace.ts";
import {
  findStoredEvent,
  readDeadEvent,
  readStoredEvent,
  type StoredEvent,
  streamsStoring,
  subjectsIn,
} from "../../nats/inspect/read_message.ts";
import type { EventDefinition } from "../../api/define_event.ts";
import { loadEvents } from "../../project/load_project.ts";
import { covers, subjectProblem } from "../../core/subjects.ts";
import { commandConfig } from "../terminal/command_config.ts";
import { CommandFailure, usageError } from "../terminal/exit_codes.ts";
import { printable, printableJson } from "../../telemetry/otel/logs/printable.ts";
import { redact } from "./redact.ts";
import { suggestion } from "../../project/unknown_name.ts";

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
  const event = await withCluster(
    commandConfig(),
    (cluster) =>
      type === undefined
        ? readDeadLetter(cluster, options.deadLetter!)
        : withType(readFromStream(cluster, type, options), cluster.names),
    await loadEvents().catch(() => undefined), // an event of a stream that Weir does not own keeps its subject
  );
  const paths = options.redact ?? [];
  const { writeRecording } = await import("../../testing/recorded_event.ts"); // loaded here: no other command needs it
  const text = writeRecording({ kind: "recorded", ...event, payload: await redactPayload(event, paths) });
  if (options.out === undefined) return console.log(printableJson(text.trimEnd()));
  await write(options.out, text, options.force ?? false);
  console.error(printable(`recorded ${event.subject}, ${event.stream} ${event.sequence}, in ${options.out}`));
  if (paths.length === 0) {
    console.error("all of its data is in the file: --redact PATH removes what must not be in a repository");
  }
}

/**
 * Returns an event with its type as the subject, without the namespace: a test replays it under another namespace, or
 * none.
 */
async function withType(stored: Promise<StoredEvent>, names: Namespace): Promise<StoredEvent> {
  const event = await stored;
  return { ...event, subject: names.typeOf(event.subject, event.stream) };
}

async function readDeadLetter({ nc, jsm, names }: Cluster, sequence: number): Promise<StoredEvent> {
  const event = await readDeadEvent(nc, jsm, sequence, names);
  if (!event) {
    throw new CommandFailure(`there is no dead letter ${sequence}: \`deno task dead-letters list\` shows all`);
  }
  return event;
}

async function readFromStream({ nc, jsm, names }: Cluster, type: string, options: RecordOptions): Promise<StoredEvent> {
  const subject = names.subject(type);
  const named = options.stream && (names.includes(options.stream) ? options.stream : names.stream(options.stream));
  const stream = named ?? await onlyStream(await streamsStoring(jsm, subject, names), type);
  if (options.sequence !== undefined) {
    const event = await readStoredEvent(nc, stream, { seq: options.sequence });
    if (!event) throw new CommandFailure(`stream ${stream} has no event ${options.sequence}`);
    if (covers(subject, event.subject)) return event;
    throw new CommandFailure(
      `event ${options.sequence} of stream ${stream} is of type "${
        names.typeOf(event.subject, stream)
      }", not "${type}"`,
    );
  }
  if (options.id !== undefined) {
    const event = await findStoredEvent(nc, stream, subject, options.id);
    if (event) return event;
    const todo = "use --sequence if its headers contain no id";
    throw new CommandFailure(`stream ${stream} has no "${type}" with the id ${JSON.stringify(options.id)}: ${todo}`);
  }
  const event = await readStoredEvent(nc, stream, { last_by_subj: subject });
  if (event) return event;
  const found = (await subjectsIn(jsm, stream)).map((one) => names.typeOf(one, stream));
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
async function redactPayload(stored: StoredEvent, paths: readonly string[]): Promise<Uint8Array> {
  if (paths.length === 0) return stored.payload;
  let original: unknown;
  try {
    original = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(stored.payload));
  } catch {
    throw new CommandFailure("--redact needs JSON data, and this event has other data: nothing was recorded");
  }
  const event = await definitionOf(stored);
  const { data, missing, replaced, refused } = await redact(original, paths, event);
  if (missing.length > 0) {
    const names = typeof original === "object" && original !== null ? Object.keys(original) : [];
    const first = missing[0].split(".")[0];
    const hint = names.includes(first) ? "" : `: ${suggestion(first, names)}`;
    throw new CommandFailure(`its data has nothing at ${missing.join(", ")}${hint}; nothing was recorded`);
  }
  if (!event) console.error('no schema of the project checked "[redacted]": edit the file if a test refuses it');
  if (replaced.length > 0) {
    console.error(`the schema refuses "[redacted]", so a sample value is at: ${replaced.join(", ")}`);
  }
  if (refused.length > 0) console.error(`the schema refuses the value that is now at: ${refused.join(", ")}`);
  return new TextEncoder().encode(JSON.stringify(data));
}

/**
 * Returns the project's definition of an event, if the project loads. Undefined for a structured CloudEvent, whose
 * envelope no schema describes.
 */
async function definitionOf({ subject, headers }: StoredEvent): Promise<EventDefinition | undefined> {
  const header = (name: string) => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  if (/^application\/cloudevents/i.test(header("content-type") ?? "")) return undefined;
  const project = await loadEvents().catch(() => undefined);
  return project?.events.get(header("ce-type") ?? subject);
}

async function write(path: string, text: string, force: boolean): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  try {
    await Deno.writeTextFile(path, text, { createNew: !force });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new CommandFailure(`${path} exists already: --force overwrites it`);
  }
}
