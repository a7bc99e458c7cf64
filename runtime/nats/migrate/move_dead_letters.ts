import type { StoredMsg } from "@nats-io/jetstream";
import type { PublishResult } from "../../engine/publisher.ts";
import { allChunks, chunksIn } from "../dead_letters/chunks.ts";
import { removeDeadLetter } from "../dead_letters/dead_letters.ts";
import { KeyedMoves } from "../dead_letters/keyed_letters.ts";
import { readStored } from "../inspect/read_stored.ts";
import { copyHeaders, inWindows, type MigrationCluster } from "./cluster.ts";

/** Headers that name chunks by their sequences. */
const CHUNK_HEADERS = ["weir-payload", "weir-headers"];

/**
 * Moves the dead letters of a function with their chunks. Resolves to the number of dead letters.
 *
 * Invariant: each dead letter is stored before it is deleted. An interrupted run leaves at most one window of dead
 * letters in both namespaces. The first window of each run is therefore looked up by id.
 */
export async function moveDeadLetters(
  cluster: MigrationCluster,
  functionName: string,
  signal: AbortSignal,
): Promise<number> {
  const { jsm, from } = cluster, { stream, prefix } = from.deadLetters;
  const letters = readStored(jsm, stream, `${prefix}.${functionName}.>`), moves = new KeyedMoves();
  const move = async (letter: StoredMsg, isFirstWindow: boolean) => {
    const known = isFirstWindow && await findMoved(cluster, letter);
    if (!known) await store(cluster, letter);
    await removeDeadLetter(jsm, letter.seq, allChunks(letter.header), from);
  };
  return await inWindows(letters, signal, (letter, isFirst) => moves.run(letter, () => move(letter, isFirst)));
}

async function findMoved(cluster: MigrationCluster, letter: StoredMsg): Promise<PublishResult | undefined> {
  const { duplicates } = cluster;
  return await duplicates.find(subjectIn(cluster, letter), letter.header.get("Nats-Msg-Id"), 0);
}

async function store(cluster: MigrationCluster, letter: StoredMsg): Promise<void> {
  const hdrs = copyHeaders(letter);
  for (const name of CHUNK_HEADERS) {
    const chunks = chunksIn(letter.header.get(name));
    if (chunks) hdrs.set(name, `parts ${(await storeChunks(cluster, chunks)).join(" ")}`);
  }
  await cluster.messages.publish(subjectIn(cluster, letter), letter.data, hdrs);
}

/** Copies chunks. Resolves to their new sequences. */
async function storeChunks(cluster: MigrationCluster, sequences: readonly number[]): Promise<number[]> {
  const { jsm, messages, from } = cluster, { stream } = from.deadLetters, stored: number[] = [];
  for (const seq of sequences) {
    const chunk = await jsm.streams.getMessage(stream, { seq });
    if (!chunk) throw new Error(`chunk ${seq} of a dead letter was deleted from ${stream}: discard that dead letter`);
    stored.push((await messages.publish(subjectIn(cluster, chunk), chunk.data, copyHeaders(chunk))).sequence);
  }
  return stored;
}

function subjectIn({ from, to }: MigrationCluster, { subject }: StoredMsg): string {
  return to.subject(from.typeOf(subject));
}
