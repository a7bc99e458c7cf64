import type { Registry } from "../../project/registry.ts";
import { steadyClock } from "../../engine/system_clock.ts";
import { connectCluster } from "../../app/cluster.ts";
import { watchConnection } from "../../nats/client/connection.ts";
import { TailClient } from "../../nats/inspect/tail_client.ts";
import { TAIL_SUBJECT } from "../../nats/inspect/tail_protocol.ts";
import { loadProject } from "../../project/load_project.ts";
import { covers, isWildcard, overlaps, subjectProblem } from "../../core/subjects.ts";
import { commandConfig } from "../terminal/command_config.ts";
import { CommandFailure, EXIT_CODES } from "../terminal/exit_codes.ts";
import { screen } from "../terminal/output.ts";
import { onStopSignal } from "../terminal/signals.ts";
import { suggestion } from "../terminal/suggestion.ts";
import { readPublished, TailLines } from "./tail_lines.ts";

/** What `events tail` takes. */
interface TailOptions {
  readonly type?: string;
  readonly function?: string;
  readonly limit?: number;
  readonly json?: boolean;
  readonly full?: boolean;
}

/** `events tail`: shows what is published and what becomes of it until it is told to stop, or has shown enough. */
export async function tail(options: TailOptions): Promise<void> {
  const config = commandConfig();
  const project = await loadProject();
  const wanted = wantedOf(options, project);
  const cluster = await connectCluster(config);
  const over = Promise.withResolvers<void>();
  const leave = onStopSignal(() => over.resolve(), () => Deno.exit(EXIT_CODES.interrupted));
  let shown = 0;
  const show = (line: string) => {
    if (options.limit !== undefined && shown >= options.limit) return;
    if (!writeLine(line) || ++shown === options.limit) over.resolve();
  };
  const lines = new TailLines(screen(), options.full ?? false, {
    functions: project.functions.map(({ name }) => name),
    types: [...project.events.keys()],
  });
  const { json } = options;
  // What a subscription's callback throws would end the reading of the whole connection.
  const guarded = <Given extends unknown[]>(act: (...given: Given) => void) => (...given: Given) => {
    try {
      act(...given);
    } catch (error) {
      over.reject(error);
    }
  };
  const tailing = new TailClient(cluster.nc, steadyClock, wanted, {
    published: guarded((msg) => {
      const now = Date.now();
      show(json ? JSON.stringify({ kind: "published", ...readPublished(msg, now) }) : lines.published(msg, now));
    }),
    settled: guarded((word, process) =>
      show(json ? JSON.stringify({ kind: "settled", ...word, process }) : lines.settled(word))
    ),
    omitted: guarded((count, of) => {
      const line = json ? JSON.stringify({ kind: "omitted", count, of }) : lines.omitted(count, of);
      if (!writeLine(line)) over.resolve();
    }),
    processes: (count) => {
      if (count > 0) return note(`watching ${count} ${count === 1 ? "process" : "processes"}`);
      const only = options.function === undefined ? ", only events" : "";
      console.error(
        `no runtime answers: outcomes are not shown${only}. Does one run functions on this NATS, may its ` +
          `user and this one use ${TAIL_SUBJECT} (deploy/README.md)?`,
      );
    },
    denied: (subject) =>
      console.error(`the NATS user may not subscribe to ${subject}: what is published there is not shown`),
  });
  void watchConnection(cluster.nc, {
    disconnected: (server) => console.error(`disconnected from NATS at ${server}: connecting again`),
    reconnected: () => console.error("connected to NATS again"),
  });
  try {
    await Promise.race([tailing.start(), over.promise]);
    note("waiting for events … (Ctrl-C ends)");
    await over.promise;
  } finally {
    leave();
    tailing.stop();
    await cluster.close();
  }
}

/** What to listen to. @throws {CommandFailure} for a function or a type that nothing here can be. */
export function wantedOf({ type, function: fn }: TailOptions, { functions, events, streams }: Registry) {
  if (fn !== undefined && !functions.some(({ name }) => name === fn)) {
    const names = functions.map(({ name }) => name);
    throw new CommandFailure(`no function is called ${JSON.stringify(fn)}: ${suggestion(fn, names)}`);
  }
  const problem = type === undefined ? undefined : subjectProblem(type);
  if (problem) {
    throw new CommandFailure(`--type ${JSON.stringify(type)} is not a subject pattern: ${problem}`, EXIT_CODES.usage);
  }
  const all = streams.flatMap(({ subjects }) => subjects);
  const subjects = all.filter((subject) => type === undefined || overlaps(subject, type));
  const triggers = functions.flatMap((one) => one.triggers.map(({ pattern }) => pattern));
  const known = type === undefined || isWildcard(type) ||
    [...events.keys(), ...triggers].some((one) => covers(one, type));
  if (subjects.length === 0 || !known) {
    const message = `no event has the type ${JSON.stringify(type)}: ${suggestion(type!, events.keys())}`;
    if (subjects.length === 0) throw new CommandFailure(message);
    console.error(message);
  }
  return { type, function: fn, subjects };
}

/** For a person who waits. */
function note(text: string): void {
  if (Deno.stderr.isTerminal()) console.error(text);
}

/** False when nobody reads any more, as with `| head`. */
function writeLine(line: string): boolean {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}
