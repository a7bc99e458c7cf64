import { type Registry, subjectsOf } from "../../project/registry.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { connectCluster } from "../../app/cluster.ts";
import type { Namespace } from "../../core/namespace.ts";
import type { ConnectionMonitor } from "../../nats/client/connection_monitor.ts";
import { TailClient } from "../../nats/inspect/tail_client.ts";
import { loadEvents, loadProject } from "../../project/load_project.ts";
import { covers, isWildcard, overlaps } from "../../core/subjects.ts";
import { commandConfig } from "../terminal/command_config.ts";
import { CommandFailure, EXIT_CODES } from "../terminal/exit_codes.ts";
import { screen, writeLine } from "../terminal/output.ts";
import { onStopSignal } from "../terminal/signals.ts";
import { unknownFunction, unknownType } from "../../project/unknown_name.ts";
import { printableJson } from "../../telemetry/otel/logs/printable.ts";
import { readPublished, RepeatedIds, TailLines } from "./tail_lines.ts";

interface TailOptions {
  readonly type?: string;
  readonly function?: string;
  readonly limit?: number;
  readonly json?: boolean;
  readonly full?: boolean;
}

/** The declarations of a project. `functions` is undefined if the functions cannot be loaded. */
type TailedProject = Pick<Registry, "events" | "streams" | "foreignStreams"> & Partial<Pick<Registry, "functions">>;

/** Prints events and their outcomes until a stop signal, a closed pipe, or `--limit` lines. */
export async function tail(options: TailOptions): Promise<void> {
  const config = commandConfig();
  const project = await loadTailed();
  const cluster = await connectCluster(config, project), { names } = cluster, filter = filterOf(options, project);
  const done = Promise.withResolvers<void>();
  const stopListening = onStopSignal(() => done.resolve(), () => Deno.exit(EXIT_CODES.interrupted));
  let printed = 0;
  const printLine = (line: string) => {
    if (options.limit !== undefined && printed >= options.limit) return;
    if (!writeLine(line) || ++printed === options.limit) done.resolve();
  };
  const lines = new TailLines(screen(), options.full ?? false, {
    functions: (project.functions ?? []).map(({ name }) => name),
    types: [...project.events.keys()],
  }, names);
  const { json } = options, repeats = new RepeatedIds();
  // An error thrown by a subscription's callback would stop the client from reading its connection.
  const guarded = <Args extends unknown[]>(act: (...args: Args) => void) => (...args: Args) => {
    try {
      act(...args);
    } catch (error) {
      done.reject(error);
    }
  };
  const subjects = filter.subjects.map((subject) => names.subject(subject));
  const client = new TailClient(cluster.nc, systemClock, { ...filter, subjects }, {
    published: guarded((msg) => {
      const now = Date.now(), repeated = repeats.has(msg);
      if (!json) return printLine(lines.published(msg, now, repeated));
      printLine(jsonLine({ kind: "published", ...(repeated && { repeated }), ...readPublished(msg, now, names) }));
    }),
    settled: guarded((report, process) => {
      if (json) return printLine(jsonLine({ kind: "settled", ...report, process }));
      printLine(lines.settled(report, new Date().toISOString()));
    }),
    omitted: guarded((count, of) => {
      const line = json ? JSON.stringify({ kind: "omitted", count, of }) : lines.omitted(count, of);
      if (!writeLine(line)) done.resolve();
    }),
    processes: (count) => {
      if (count > 0) return note(`watching ${count} ${count === 1 ? "process" : "processes"}`);
      console.error(noRuntimeAnswers(names, options.function === undefined));
    },
    denied: (subject) => console.error(`the NATS user may not subscribe to ${subject}: events there are not shown`),
  }, names);
  followConnection(cluster.monitor, client);
  try {
    await Promise.race([client.start(), done.promise]);
    note("waiting for events … (Ctrl-C ends)");
    await done.promise;
  } finally {
    stopListening();
    client.stop();
    await cluster.close();
  }
}

function followConnection(monitor: ConnectionMonitor, client: TailClient): void {
  monitor.onDisconnect((server) => {
    client.setConnected(false);
    console.error(`disconnected from NATS at ${server}: reconnecting`);
  });
  monitor.onUnreachable((reason) => console.error(`cannot reconnect to NATS at ${reason}`));
  monitor.onReconnect(() => {
    client.setConnected(true);
    console.error("reconnected to NATS");
  });
}

/** Loads the project, or its schemas alone if a function cannot be loaded. */
function loadTailed(): Promise<TailedProject> {
  return loadProject().catch(async (error) => {
    const { events, streams, foreignStreams } = await loadEvents(); // throws what is wrong with the schemas
    console.error(`functions cannot be loaded, so subjects that only they name are not shown: ${error.message}`);
    return { events, streams, foreignStreams };
  });
}

/** @throws {CommandFailure} for a function that the project does not have, or a type that no stream stores. */
function filterOf({ type, function: fn }: TailOptions, project: TailedProject) {
  const { functions, events } = project;
  if (fn !== undefined && functions && !functions.some(({ name }) => name === fn)) {
    const names = functions.map(({ name }) => name);
    throw new CommandFailure(unknownFunction(fn, names));
  }
  const subjects = subjectsOf(project).filter((subject) => type === undefined || overlaps(subject, type));
  const triggers = (functions ?? []).flatMap(({ triggers }) => triggers.map(({ pattern }) => pattern));
  const known = type === undefined || isWildcard(type) ||
    [...events.keys(), ...triggers].some((pattern) => covers(pattern, type));
  if (subjects.length === 0 || !known) {
    const message = unknownType(type!, events.keys());
    if (subjects.length === 0) throw new CommandFailure(message);
    console.error(message);
  }
  return { type, function: fn, subjects };
}

function noRuntimeAnswers({ tail }: Namespace, showsEvents: boolean): string {
  return `no runtime answers: outcomes are not shown${showsEvents ? ", only events" : ""}. Check that a runtime with ` +
    `functions uses this NATS, and that its user and this one have permission for ${tail} (deploy/README.md)`;
}

function jsonLine(value: unknown): string {
  return printableJson(JSON.stringify(value));
}

/** Prints a hint for a person. Standard error of a pipe stays empty. */
function note(text: string): void {
  if (Deno.stderr.isTerminal()) console.error(text);
}
