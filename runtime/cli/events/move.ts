import { Command } from "commander";
import type { Cluster } from "../../app/cluster.ts";
import { namespaceOf } from "../../app/config.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { DeadLetters } from "../../nats/dead_letters/dead_letters.ts";
import { BacklogMover } from "../../nats/move/backlog_mover.ts";
import { findMoves, forgetMove, type FoundMove } from "../../nats/move/find_moves.ts";
import { streamProblem, streamsOf } from "../../nats/move/move_plan.ts";
import type { MoveRecord } from "../../nats/move/move_position.ts";
import { NatsAttemptStore } from "../../nats/retry/nats_attempt_store.ts";
import { hasDelayedRetry } from "../../nats/retry/retry_stream.ts";
import { findConsumer, findStream } from "../../nats/topology/find.ts";
import { ownerProblem } from "../../nats/topology/owner.ts";
import { pausedUntil } from "../../nats/topology/pause.ts";
import { isPulled } from "../../nats/topology/plan_undeclared.ts";
import { loadProject } from "../../project/load_project.ts";
import type { Registry } from "../../project/registry.ts";
import { unknownType } from "../../project/unknown_name.ts";
import { explainNatsErrors } from "../plan.ts";
import { commandConfig, printDefaultTarget } from "../terminal/command_config.ts";
import { examples, subjectPattern } from "../terminal/command_line.ts";
import { CommandFailure, EXIT_CODES, usageError } from "../terminal/exit_codes.ts";
import { count, printJson } from "../terminal/output.ts";
import { OPERATED, withOwnedCluster } from "../terminal/owned_cluster.ts";
import { Progress } from "../terminal/progress.ts";
import { onStopSignal } from "../terminal/signals.ts";

interface Options {
  readonly from: string;
  readonly to: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Numbers of a move to one function, done or expected. */
interface Moved {
  readonly function: string;
  readonly events: number;
  /** Events that ended as dead letters instead. */
  readonly deadLetters: number;
  readonly paused: boolean;
}

export function moveCommand(): Command {
  return new Command("move")
    .description("Move what waits in the old stream of a type to its functions, after the type has changed its stream.")
    .argument("<type>", "the event's type, or the pattern of a trigger", subjectPattern)
    .requiredOption("--from <stream>", "the stream that stored it until now")
    .requiredOption("--to <stream>", "the stream that stores it now, by the project's definitions")
    .option("--dry-run", "only count what would be moved")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples("events move orders.created --from ORDERS --to SALES --dry-run") + `

Each event that a function has not settled in the old stream goes to that function alone, through the
stream RETRIES, as the same event: with its id, its age and its attempts. Handled events stay where
they are. Stop the processes of the earlier release first; those of the new one may run. After an
interruption run it again with the same options: no event is lost, and none comes twice.`,
    )
    .action(move);
}

async function move(type: string, options: Options): Promise<void> {
  const config = commandConfig(), registry = await loadProject(), names = namespaceOf(config, registry);
  const plain = (stream: string) => names.functionOf(stream); // a stream has the same prefix as a consumer
  const from = plain(options.from), to = plain(options.to);
  if (from === to) throw usageError(`--from and --to are both ${from}: nothing is to be moved`);
  checkDefinitions(type, to, registry);
  printDefaultTarget(config, options);
  await withOwnedCluster(config, OPERATED, async (cluster) => {
    const work = async () => {
      const record = await checkStreams(cluster, type, options.from, to);
      const { moves, notes, problems } = await findMoves(cluster, registry.functions, record, from);
      for (const note of notes) console.error(note);
      if (problems.length > 0) throw new CommandFailure(problems.join("\nweir: "));
      if (moves.length === 0 && notes.length === 0) {
        if (!options.dryRun) await forgetMove(cluster, record);
        throw new CommandFailure(`no function has a consumer for ${type} on ${record.from}: nothing waits there`);
      }
      if (options.dryRun) {
        return report(await Promise.all(moves.map((found) => expected(cluster, found))), record, options);
      }
      await checkIdle(cluster, moves);
      report(await run(cluster, moves, record), record, options);
    };
    await explainNatsErrors(work(), "deploy/OPERATIONS.md lists those that `events move` needs");
  }, registry);
}

/** @throws {CommandFailure} if the project does not know the type, or has it in another stream than the new one. */
function checkDefinitions(type: string, to: string, registry: Registry): void {
  const streams = streamsOf(type, registry);
  if (streams.length === 0) throw new CommandFailure(unknownType(type, registry.events.keys()));
  if (streams.includes(to)) return;
  const where = streams.join(" and ");
  throw new CommandFailure(
    `${type} is in ${where} by the project's definitions, and not in ${to}: change them, or --to`,
  );
}

/** Resolves to a new record of the move. @throws {CommandFailure} if events must not be moved between the streams. */
async function checkStreams({ jsm, names }: Cluster, type: string, given: string, to: string): Promise<MoveRecord> {
  // A stream that the project named as another owner's until now has no prefix.
  const old = await findStream(jsm, names.stream(names.functionOf(given))) ?? await findStream(jsm, given);
  if (!old) throw new CommandFailure(`there is no stream ${given} on this cluster`);
  const current = await findStream(jsm, names.stream(to));
  for (const info of [old, current]) {
    const problem = ownerProblem(info?.config.metadata, names);
    if (problem) throw new CommandFailure(`stream ${info!.config.name}: ${problem}`);
  }
  const problem = await streamProblem(jsm, type, { from: old.config, to: current?.config }, names);
  if (problem) throw new CommandFailure(problem);
  return { type, from: old.config.name, to: names.stream(to), moved: 0, deadLetters: 0, unacked: [] };
}

/** @throws {CommandFailure} while a process pulls from an old consumer: it and this command would both move on. */
async function checkIdle({ jsm }: Cluster, moves: readonly FoundMove[]): Promise<void> {
  for (const { functionName, consumer: { stream_name, name }, waiting, unfinished } of moves) {
    if (waiting === 0 && !unfinished) continue;
    const info = await jsm.consumers.info(stream_name, name);
    // A move that was interrupted has pulled itself.
    if (unfinished ? info.num_waiting === 0 : !isPulled(info)) continue;
    throw new CommandFailure(
      `a process pulls for ${functionName} from ${stream_name}, or did within the last minute: stop the processes of ` +
        "the earlier release, then run this again",
    );
  }
}

async function run(cluster: Cluster, moves: readonly FoundMove[], planned: MoveRecord): Promise<Moved[]> {
  const { nc, jsm, names, messages, duplicates } = cluster, moved: Moved[] = [];
  const isDelayed = (name: string, delivery: Parameters<NatsAttemptStore["isDelayed"]>[1]) =>
    hasDelayedRetry(jsm, name, delivery, names);
  const attempts = await NatsAttemptStore.open(nc, undefined, isDelayed, names);
  const histories = { attempts, deadLetters: new DeadLetters(messages, duplicates, Date.now, names) };
  const abort = new AbortController(), progress = new Progress("moved");
  const stopListening = onStopSignal(() => abort.abort(), () => Deno.exit(EXIT_CODES.interrupted));
  try {
    for (const found of moves) {
      const { functionName: name, unfinished } = found;
      if (found.waiting === 0 && !unfinished) {
        moved.push({ function: name, events: 0, deadLetters: 0, paused: await isPaused(cluster, name) });
        continue;
      }
      const mover = new BacklogMover(cluster, histories, systemClock, name), known = await mover.unfinished();
      if (known) console.error(`continues the move for ${name}: ${count(known.moved, "event")} moved before`);
      const { record, isFinished } = await mover.run(known ?? planned, {
        signal: abort.signal,
        progress: (record) => progress.at(record.moved),
      });
      progress.end();
      if (!isFinished) {
        throw new CommandFailure(
          `interrupted, with ${count(record.moved, "event")} moved to ${name}: run it again, and it continues`,
        );
      }
      moved.push({
        function: name,
        events: record.moved,
        deadLetters: record.deadLetters,
        paused: await isPaused(cluster, name),
      });
    }
    return moved;
  } finally {
    progress.end();
    stopListening();
  }
}

async function expected(cluster: Cluster, { functionName, waiting }: FoundMove): Promise<Moved> {
  return { function: functionName, events: waiting, deadLetters: 0, paused: await isPaused(cluster, functionName) };
}

async function isPaused({ jsm, names }: Cluster, name: string): Promise<boolean> {
  const retries = await findConsumer(jsm, names.retries.stream, names.consumer(name));
  return retries !== undefined && pausedUntil(retries) !== undefined;
}

function report(all: readonly Moved[], { type, from, to }: MoveRecord, { json, dryRun }: Options): void {
  if (json) return printJson({ type, from, to, functions: all, ...(dryRun && { dryRun }) });
  for (const { function: name, events, deadLetters, paused } of all) {
    const ended = deadLetters > 0 ? `, of which ${deadLetters} ended as dead letters` : "";
    console.log(`${name}: ${count(events, "event")} ${dryRun ? "would be moved" : "moved"} from ${from}${ended}`);
    if (paused) {
      console.log(`  it is paused, and handles them once it is resumed: \`deno task functions resume ${name}\``);
    }
  }
  if (dryRun) console.error("dry run: nothing was moved");
  else if (all.length > 0) {
    console.error(`the consumers on ${from} are empty: \`deno task apply --prune\` removes them`);
  }
}
