import type { JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { moveCommandOf, MovePosition } from "../move/move_position.ts";
import { ReplayPosition } from "../replay/replay_position.ts";
import { findConsumer } from "../topology/find.ts";
import { partitionConsumers, waitingIn } from "../topology/partition_changes.ts";
import { renameProblem } from "../topology/unfinished_rename.ts";

/**
 * Returns a problem for each interrupted command on a function of a namespace. Its position stays in that namespace, so
 * once the rest has left, nothing would tell what it has moved or sent.
 */
export async function unfinishedCommands(
  jsm: JetStreamManager,
  functionNames: readonly string[],
  names: Namespace,
): Promise<string[]> {
  const where = names.name === undefined ? "without WEIR_NAMESPACE" : `with WEIR_NAMESPACE=${names.name}`;
  const all = await Promise.all(functionNames.map(async (name) => {
    const problems: string[] = [], add = (problem: string) => void problems.push(`${problem} (${where})`);
    const move = await new MovePosition(jsm, name, names).read();
    if (move) add(`a move of events of ${name} is not finished: finish it with \`deno task ${moveCommandOf(move)}\``);
    const replay = await new ReplayPosition(jsm, name, names).read();
    if (replay) add(`a replay of ${name} is not finished: run it again, or \`deno task replay ${name} --abandon\``);
    const own = await findConsumer(jsm, names.retries.stream, names.consumer(name)), rename = renameProblem(name, own);
    if (rename) add(rename);
    const waiting = waitingIn(await partitionConsumers(jsm, own, names));
    if (waiting > 0) add(`${waiting} events wait in the partitions of ${name}: let its processes handle them first`);
    return problems;
  }));
  return all.flat();
}
