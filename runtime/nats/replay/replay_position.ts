import type { JetStreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import type { DataFilter } from "../../core/data_filter.ts";
import type { Namespace } from "../../core/namespace.ts";
import { removeMessage } from "../client/remove_message.ts";
import type { BatchMessage } from "../publish/atomic_batch.ts";
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

/**
 * The position of a function's unfinished replay: a message of RETRIES that no consumer takes.
 *
 * Invariant: a position is stored in one atomic batch with the events that it counts, and only if the position before
 * is still the last. Therefore an interrupted replay sends each event once, and of two replays of one function at the
 * same time only one goes on.
 */
export class ReplayPosition {
  readonly #subject: string;
  /** Sequence of the stored position; 0 without one. */
  sequence = 0;

  constructor(readonly jsm: JetStreamManager, functionName: string, readonly names: Namespace) {
    // The subject has more tokens than that of a delayed retry.
    this.#subject = names.subject(`retries.replay.${functionName}.position.stored`);
  }

  /** Reads the position. Undefined when no replay is unfinished. */
  async read(): Promise<ReplayRecord | undefined> {
    const message = await this.jsm.streams.getMessage(this.names.retries.stream, { last_by_subj: this.#subject });
    this.sequence = message?.seq ?? 0;
    return message?.json<ReplayRecord>();
  }

  /** Returns the message that replaces the stored position. */
  message(record: ReplayRecord): BatchMessage {
    const hdrs = headers();
    hdrs.set("Nats-Rollup", "sub");
    hdrs.set("Nats-Expected-Last-Subject-Sequence", String(this.sequence));
    return { subject: this.#subject, payload: new TextEncoder().encode(JSON.stringify(record)), headers: hdrs };
  }

  /** Removes the position of a replay that is finished or abandoned. */
  async remove(): Promise<void> {
    await removeMessage(this.jsm, this.names.retries.stream, this.sequence);
  }
}
