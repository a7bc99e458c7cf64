import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../../core/namespace.ts";
import { overlaps } from "../../core/subjects.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { renameOf } from "../rename/rename_plan.ts";
import { functionNames } from "../topology/function_consumers.ts";
import { isForeign } from "../topology/owner.ts";
import { filtersOf } from "../topology/plan_consumer.ts";
import { orderProblem } from "../topology/priority.ts";
import { fateOf, type Listener, patternsOf } from "./move_plan.ts";
import { moveCommandOf, MovePosition, type MoveRecord } from "./move_position.ts";

interface Cluster {
  readonly nc: Pick<NatsConnection, "request">;
  readonly jsm: JetStreamManager;
  readonly names: Namespace;
}

/** The consumer of a function on the stream that a type has left. */
export interface FoundMove {
  readonly functionName: string;
  readonly consumer: ConsumerInfo;
  /** Types and patterns that it takes. */
  readonly patterns: readonly string[];
  /** Events that it has not settled. */
  readonly waiting: number;
  /** The move that was interrupted, which is continued. */
  readonly unfinished: MoveRecord | undefined;
}

/** The moves of a type, and the reasons why other events stay. */
export interface FoundMoves {
  readonly moves: readonly FoundMove[];
  /** Sentences about what waits there and is not moved. */
  readonly notes: readonly string[];
  /** Reasons why nothing must be moved. */
  readonly problems: readonly string[];
}

/**
 * Finds what waits for functions on the stream that a type has left. Changes nothing.
 *
 * @param functions Those of the project.
 * @param record The move, with the names of streams in NATS.
 * @param from The old stream, by the name that it has in definitions.
 */
export async function findMoves(
  { nc, jsm, names }: Cluster,
  functions: readonly Listener[],
  record: MoveRecord,
  from: string,
): Promise<FoundMoves> {
  const moves: FoundMove[] = [], notes: string[] = [], problems: string[] = [], { type, from: stream } = record;
  const known = new Set(await functionNames(jsm, names));
  for await (const consumer of jsm.consumers.list(stream)) {
    const name = names.functionOf(consumer.name), { config, num_pending, num_ack_pending } = consumer;
    const isOwn = known.has(name) && names.consumer(name) === consumer.name && !isForeign(config.metadata, names);
    if (!isOwn || config.deliver_subject) continue;
    const fn = functions.find((one) => one.name === name), patterns = patternsOf(consumer, names);
    const fate = fateOf(fn, patterns, type, from), waiting = num_pending + num_ack_pending;
    if (fate.kind === "none") continue;
    if (fate.kind === "pulled") {
      notes.push(
        `${name} still has a trigger on ${stream} (${
          fate.triggers.join(", ")
        }) and pulls from there, so what waits of ` +
          `${type} comes to it without a move (${waiting} events, with those of its other triggers). Run \`deno task ` +
          "apply\`, which takes the type from its consumer, once they are handled",
      );
      continue;
    }
    const unheard = fate.kind === "unheard" ? await countUnheard(nc, consumer, fate.patterns, names) : 0;
    if (fate.kind === "unheard" && unheard > 0) {
      const what =
        `${unheard} events of ${fate.patterns.join(", ")} wait for ${name} on ${stream}, which does not listen to ` +
        "them any more";
      const listens = fn?.triggers.some(({ pattern }) => overlaps(pattern, type));
      if (listens) problems.push(`${what}: keep the trigger until they are moved and handled`);
      else notes.push(`${what}: they are not moved`);
      continue;
    }
    const unfinished = await new MovePosition(jsm, name, names).read();
    const isOther = unfinished !== undefined && moveCommandOf(unfinished) !== moveCommandOf(record);
    if (isOther) {
      problems.push(`a move of events of ${name} was interrupted: finish it with \`${moveCommandOf(unfinished)}\``);
    }
    const disordered = orderProblem(consumer, name, waiting);
    if (disordered) problems.push(disordered);
    moves.push({ functionName: name, consumer, patterns, waiting, unfinished });
  }
  problems.push(...await renames(jsm, moves, names));
  return { moves, notes, problems };
}

/** Returns how many events wait at the most on a consumer of which its function listens to nothing any more. */
async function countUnheard(
  nc: Cluster["nc"],
  { stream_name: stream, config, ack_floor, num_pending, num_ack_pending }: ConsumerInfo,
  patterns: readonly string[],
  names: Namespace,
): Promise<number> {
  if (num_pending + num_ack_pending === 0) return 0;
  const filters = filtersOf(config), subjects = filters.length === 0 ? [">"] : filters;
  const unheard = subjects.filter((filter) => filter === ">" || patterns.includes(names.typeOf(filter, stream)));
  const counts = await Promise.all(
    unheard.map((subject) => countMessages(nc, { stream, subject, from: ack_floor.stream_seq + 1 })),
  );
  return counts.reduce((sum, one) => sum + one, 0);
}

async function renames(jsm: JetStreamManager, moves: readonly FoundMove[], names: Namespace): Promise<string[]> {
  const problems: string[] = [];
  for await (const info of jsm.consumers.list(names.retries.stream)) {
    const begun = renameOf(info), to = names.functionOf(info.name);
    if (!begun || !moves.some(({ functionName }) => functionName === begun.from || functionName === to)) continue;
    problems.push(
      `the rename of ${begun.from} to ${to} is not finished: \`functions rename ${begun.from} ${to}\``,
    );
  }
  return problems;
}

/** Removes the positions of a move that was interrupted and cannot go on, since the old consumers were deleted. */
export async function forgetMove({ jsm, names }: Cluster, record: MoveRecord): Promise<void> {
  for (const name of await functionNames(jsm, names)) {
    const position = new MovePosition(jsm, name, names), found = await position.read();
    if (found && moveCommandOf(found) === moveCommandOf(record)) await position.remove();
  }
}
