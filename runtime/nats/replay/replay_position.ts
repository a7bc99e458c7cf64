import type { JetStreamManager } from "@nats-io/jetstream";
import type { DataFilter } from "../../core/data_filter.ts";
import type { Namespace } from "../../core/namespace.ts";
import { StoredPosition } from "../publish/stored_position.ts";
import type { HistoryRange } from "./history.ts";

/** A replay, and how far it is. Times and bounds are fixed at its start. */
export interface ReplayRecord {
  readonly id: string;
  readonly function: string;
  /** The options of the command, by which it is run again. */
  readonly options: string;
  readonly where: readonly DataFilter[];
  /** Whether an idempotent function handles again what it has handled. */
  readonly force: boolean;
  /** Parts that are left: the first range begins after the last event that was read. */
  readonly ranges: readonly HistoryRange[];
  readonly read: number;
  readonly sent: number;
  readonly tooLarge: number;
}

/** The position of a function's unfinished replay. */
export class ReplayPosition extends StoredPosition<ReplayRecord> {
  constructor(jsm: JetStreamManager, functionName: string, names: Namespace) {
    super(jsm, "replay", functionName, names);
  }
}
