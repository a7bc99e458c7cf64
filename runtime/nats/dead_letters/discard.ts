import { removeMessage, type Remover } from "../client/remove_message.ts";
import { allChunks, isChunk } from "./chunks.ts";
import { DEAD_LETTERS } from "./dead_letters.ts";

/** Deletes a dead letter and its chunks. Resolves to false when there was none. */
export async function discard(jsm: Remover, sequence: number): Promise<boolean> {
  const letter = await jsm.streams.getMessage(DEAD_LETTERS.stream, { seq: sequence });
  if (!letter || isChunk(letter.subject)) return false;
  return await removeDeadLetter(jsm, sequence, allChunks(letter.header));
}

/** Deletes the dead letter before its chunks: an interruption leaves unused chunks, never a dead letter without them. */
export async function removeDeadLetter(jsm: Remover, sequence: number, chunks: readonly number[]): Promise<boolean> {
  const removed = await removeMessage(jsm, DEAD_LETTERS.stream, sequence);
  for (const chunk of chunks) await removeMessage(jsm, DEAD_LETTERS.stream, chunk).catch(() => false);
  return removed;
}
