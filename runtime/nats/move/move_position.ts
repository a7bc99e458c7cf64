import type { JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { StoredPosition } from "../publish/stored_position.ts";

/** A move of what waits for one function, and how far it is. Streams have the names that they have in NATS. */
export interface MoveRecord {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  /** Events that were moved, and those of them that ended as dead letters. */
  readonly moved: number;
  readonly deadLetters: number;
  /** Sequences in the old stream of events that are moved and may not be acked there. */
  readonly unacked: readonly number[];
}

/** The position of a function's unfinished move. */
export class MovePosition extends StoredPosition<MoveRecord> {
  constructor(jsm: JetStreamManager, functionName: string, names: Namespace) {
    super(jsm, "move", functionName, names);
  }
}

/** Returns the command that finishes a move. The streams have the names that they have in NATS. */
export function moveCommandOf({ type, from, to }: Pick<MoveRecord, "type" | "from" | "to">): string {
  return `events move ${/[*>]/.test(type) ? `'${type}'` : type} --from ${from} --to ${to}`;
}
