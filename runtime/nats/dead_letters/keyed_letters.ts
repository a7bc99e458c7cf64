import type { NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../../core/namespace.ts";
import type { ParkedEvent } from "../../engine/parked_events.ts";
import type { Remover } from "../client/remove_message.ts";
import { scanStream } from "../inspect/scan_stream.ts";
import { ORDER_KEY } from "./dead_letters.ts";

/** Greatest number of dead letters of a key that are listed at once. */
const MOST = 1_000;

/** A dead letter of a function with `onFailure: "park"` that parks its key, or is parked. */
export interface KeyedLetter extends ParkedEvent {
  readonly key: string;
}

/** Reads the dead letters of a function that have a key, in the order in which they were stored. */
export async function* keyedLetters(
  nc: NatsConnection,
  { deadLetters: { stream, prefix } }: Namespace,
  functionName: string,
): AsyncIterable<KeyedLetter> {
  for await (const { seq, headers } of scanStream(nc, stream, `${prefix}.${functionName}.>`)) {
    const key = headers?.get(ORDER_KEY);
    if (!key) continue;
    const isParked = headers!.get("weir-reason") === "parked";
    yield { sequence: seq, key, isParked };
  }
}

/** Returns the dead letters of a key in the order of {@linkcode isBefore}, the first thousand of them. */
export async function lettersOfKey(
  nc: NatsConnection,
  names: Namespace,
  functionName: string,
  key: string,
): Promise<KeyedLetter[]> {
  const found: KeyedLetter[] = [];
  const cut = () => void found.sort((a, b) => isBefore(a, b) ? -1 : 1).splice(MOST);
  for await (const letter of keyedLetters(nc, names, functionName)) {
    if (letter.key === key && found.push(letter) > 2 * MOST) cut();
  }
  cut();
  return found;
}

/** Lets many dead letters be moved at once, and those of one key one after the other: they return as they are stored. */
export class KeyedMoves {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs a move, after the earlier ones of its key. Rejects if it fails, or one of these has. */
  run(letter: { readonly header: { get(name: string): string } }, move: () => Promise<void>): Promise<void> {
    const key = letter.header.get(ORDER_KEY);
    if (!key) return move();
    const moved = this.#last.get(key)?.then(move) ?? move();
    this.#last.set(key, moved);
    return moved;
  }
}

/** Returns the key that a dead letter has parked, and its function; undefined if it has parked none. */
export async function headOf(
  jsm: Remover,
  sequence: number,
  { deadLetters: { stream } }: Namespace,
): Promise<{ key: string; functionName: string } | undefined> {
  const header = (await jsm.streams.getMessage(stream, { seq: sequence }))?.header, key = header?.get(ORDER_KEY);
  if (!key || header!.get("weir-reason") === "parked") return undefined;
  return { key, functionName: header!.get("weir-function") };
}

/**
 * Returns whether a dead letter precedes another of its key. One of an event that failed, also after it had returned,
 * precedes the parked ones, which were stored in the order of their stream.
 */
export function isBefore(a: KeyedLetter, b: KeyedLetter): boolean {
  return a.isParked === b.isParked ? a.sequence < b.sequence : b.isParked;
}
