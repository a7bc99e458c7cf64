import type { JetStreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Clock } from "../../engine/clock.ts";
import { PublishError } from "../../engine/publisher.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";
import { removeMessage } from "../client/remove_message.ts";
import { type BatchMessage, publishBatch } from "./atomic_batch.ts";

/**
 * Number of tries to store a batch, and the pause between two tries in milliseconds. Together they outlast a change of
 * leader.
 */
const TRIES = 30, PAUSE_MS = 1_000;

/** The commands that store a position. */
type Kind = "replay" | "move";

/**
 * The position of an unfinished command that sends events to one function. It is a message of RETRIES that no consumer
 * takes.
 *
 * Invariant: it is stored in one atomic batch with the events that it counts, after the position that it replaces. Thus
 * a command that was interrupted sends each event once, and of two commands for one function at the same time one
 * fails.
 */
export class StoredPosition<Value> {
  readonly #subject: string;
  /** Sequence of the stored position; 0 without one. */
  sequence = 0;

  constructor(readonly jsm: JetStreamManager, kind: Kind, readonly functionName: string, readonly names: Namespace) {
    this.#subject = names.subject(`retries.${kind}.${functionName}.position.stored`); // no delayed retry has as many tokens
  }

  /** Reads the position. Undefined when no command is unfinished. */
  async read(): Promise<Value | undefined> {
    const message = await this.jsm.streams.getMessage(this.names.retries.stream, { last_by_subj: this.#subject });
    this.sequence = message?.seq ?? 0;
    return message?.json<Value>();
  }

  /**
   * Stores events together with the position after them. If no answer comes, the stored position shows whether they
   * were stored.
   *
   * @param busy Error when another command has stored a position meanwhile.
   * @throws {PublishError} when the events cannot be stored.
   */
  async store(
    nc: NatsConnection,
    clock: Clock,
    batch: readonly BatchMessage[],
    value: Value,
    busy: string,
  ): Promise<void> {
    const { stream } = this.names.retries;
    for (let tries = 1;; tries++) {
      try {
        this.sequence = await publishBatch(nc, stream, [...batch, this.#message(value)]);
        return;
      } catch (error) {
        if (!(error instanceof PublishError)) throw error;
        if (isWrongLastSequence(error.jetStreamCode)) throw new Error(busy, { cause: error });
        if (error.code !== "unavailable" || tries === TRIES) throw error;
      }
      await new Promise<void>((resolve) => clock.timer(PAUSE_MS, resolve));
      const before = this.sequence, found = await this.read().catch(() => null);
      if (found === null) this.sequence = before;
      else if (JSON.stringify(found) === JSON.stringify(value)) return;
    }
  }

  /** Removes the position of a command that is finished or abandoned. */
  async remove(): Promise<void> {
    await removeMessage(this.jsm, this.names.retries.stream, this.sequence);
  }

  /** Returns the message that replaces the stored position. */
  #message(value: Value): BatchMessage {
    const hdrs = headers();
    hdrs.set("Nats-Rollup", "sub");
    hdrs.set("Nats-Expected-Last-Subject-Sequence", String(this.sequence));
    return { subject: this.#subject, payload: new TextEncoder().encode(JSON.stringify(value)), headers: hdrs };
  }
}

/** Returns whether a message of RETRIES is a position, and no retry. */
export function isPosition(subject: string, names: Namespace = NO_NAMESPACE): boolean {
  return /^retries\.(replay|move)\.[^.]+\.position\.stored$/.test(names.typeOf(subject));
}
