import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { DeadLetterOutcome } from "../../core/outcome.ts";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import { excusedSoFar, unendedSoFar } from "../../engine/attempt_counts.ts";
import type { AttemptStore } from "../../engine/attempt_store.ts";
import type { Clock } from "../../engine/clock.ts";
import type { UsedUp } from "../../engine/settler.ts";
import type { ConnectionMonitor } from "../client/connection_monitor.ts";
import { ACK_WAIT_MS } from "../consume/ack_wait.ts";
import { confirmMoved } from "../consume/settle.ts";
import type { DeadLetters } from "../dead_letters/dead_letters.ts";
import { pullPage } from "../inspect/pull_page.ts";
import { type BatchMessage, enableBatches } from "../publish/atomic_batch.ts";
import { fittingMessage } from "../retry/fit_payload.ts";
import { retryHeaders } from "../retry/retry_headers.ts";
import { dueSubject } from "../retry/retry_stream.ts";
import { resumeConsumers } from "../topology/pause.ts";
import { MovePosition, type MoveRecord } from "./move_position.ts";

/** Messages of one pull, and how long it waits in milliseconds. */
const PAGE = 100, PAGE_MS = 2_000;
/** Time without progress after which a lease is known to be kept alive, in milliseconds. */
const STUCK_MS = 4 * ACK_WAIT_MS;

interface MoverCluster {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly monitor: Pick<ConnectionMonitor, "onPublishDenied">;
  readonly names: Namespace;
}

/** The parts of a mover that know what an event has gone through. */
interface Histories {
  readonly attempts: Pick<AttemptStore, "read">;
  readonly deadLetters: Pick<DeadLetters, "store">;
}

/** Options of {@linkcode BacklogMover.run}. */
interface MoveOptions {
  readonly signal: AbortSignal;
  readonly progress: (record: MoveRecord) => void;
}

/**
 * Moves what waits for one function on one stream to it through the stream RETRIES: each event is pulled as the
 * function would pull it, stored there as the same event, and then acked. No process may pull from that consumer
 * meanwhile.
 *
 * Invariant: an event is acked only once it is stored, and its sequence is stored with it until the server has
 * confirmed the ack. So one that was stored and comes again after an interruption is acked, and not stored again.
 */
export class BacklogMover {
  readonly #position: MovePosition;
  /** Sequences of the events that are moved, and of those among them whose ack the server has not confirmed. */
  readonly #moved = new Set<number>();
  readonly #unacked = new Set<number>();

  constructor(
    readonly cluster: MoverCluster,
    readonly histories: Histories,
    readonly clock: Clock,
    readonly functionName: string,
  ) {
    this.#position = new MovePosition(cluster.jsm, functionName, cluster.names);
  }

  /** Returns the unfinished move of the function, if any. */
  unfinished(): Promise<MoveRecord | undefined> {
    return this.#position.read();
  }

  /**
   * Moves what is left. Resolves when the move is finished or was interrupted (`isFinished` is false), with the record
   * at that time.
   *
   * @param start A new move, or the unfinished one.
   * @throws {PublishError} when events cannot be stored. The move can be continued.
   * @throws {Error} if a process keeps what was delivered to it.
   */
  async run(start: MoveRecord, options: MoveOptions): Promise<{ record: MoveRecord; isFinished: boolean }> {
    const { nc, jsm, monitor, names } = this.cluster, { from } = start, consumer = names.consumer(this.functionName);
    for (const sequence of start.unacked) {
      this.#moved.add(sequence);
      this.#unacked.add(sequence);
    }
    let record = start, denied: Error | undefined;
    monitor.onPublishDenied((_, error) => denied ??= error);
    await enableBatches(jsm, names.retries.stream);
    if (this.#position.sequence === 0) await this.#commit([], record);
    await resumeConsumers(jsm, [await jsm.consumers.info(from, consumer)]); // that on RETRIES keeps the pause
    for (let lastMs = this.clock.now();;) {
      const { num_pending, num_ack_pending } = await jsm.consumers.info(from, consumer);
      if (num_pending + num_ack_pending === 0) break;
      if (options.signal.aborted) return { record, isFinished: false };
      const page = await pullPage(nc, from, consumer, PAGE, PAGE_MS, names), nowMs = this.clock.now();
      if (denied) throw denied;
      if (page.length > 0) lastMs = nowMs;
      else if (nowMs - lastMs > STUCK_MS) throw this.#stuck(from);
      record = await this.#movePage(page, record);
      options.progress(record);
    }
    await this.#position.remove();
    return { record, isFinished: true };
  }

  /** Stores the events of a page that were not stored before, and acks all. */
  async #movePage(page: readonly Delivery[], record: MoveRecord): Promise<MoveRecord> {
    const bySequence = new Map(page.map((delivery) => [delivery.sequence, delivery]));
    const fresh = [...bySequence.values()].filter(({ sequence }) => !this.#moved.has(sequence));
    if (fresh.length > 0) {
      const stored = await Promise.all(fresh.map((delivery) => this.#store(delivery)));
      const batch = stored.filter((one) => typeof one !== "string");
      const ended = stored.filter((one) => one === "dead-letter").length;
      for (const { sequence } of fresh) {
        this.#moved.add(sequence);
        this.#unacked.add(sequence);
      }
      const { moved, deadLetters } = record, unacked = [...this.#unacked];
      record = { ...record, moved: moved + batch.length + ended, deadLetters: deadLetters + ended, unacked };
      await this.#commit(batch, record);
    }
    await Promise.all(page.map(async (delivery) => {
      await confirmMoved(this.cluster.nc, delivery);
      this.#unacked.delete(delivery.sequence);
    }));
    return record;
  }

  /**
   * Returns the message by which an event comes to the function. `delayed` if its delayed retry is stored already, and
   * `dead-letter` once it has ended as one.
   */
  async #store(delivery: Delivery): Promise<BatchMessage | "delayed" | "dead-letter"> {
    const { functionName: name, cluster: { nc, names } } = this, { history, deliveryCount, storedAtMs } = delivery;
    const wasDelivered = deliveryCount > 1;
    const known = wasDelivered ? await this.histories.attempts.read(name, delivery) : undefined;
    if (known?.delayed) return "delayed"; // its process died between storing its retry and acking it
    const usedUp: UsedUp = {
      attempts: history.attempts + (known?.begun ?? 0),
      ...excusedSoFar(history, known),
      emittedSinceMs: history.emittedSinceMs ?? (wasDelivered ? storedAtMs : undefined),
      attemptTrace: known?.attemptTrace ?? history.attemptTrace,
      lastError: known?.lastError ?? history.lastError,
      ...unendedSoFar(history, known),
    };
    const hdrs = retryHeaders(name, delivery, usedUp);
    const message = known?.ending
      ? undefined
      : fittingMessage(nc, dueSubject(name, delivery, names), delivery.payload, hdrs);
    if (message) return message;
    const ending = known?.ending ?? tooLarge(usedUp);
    await this.histories.deadLetters.store(name, delivery, ending, {
      ...usedUp,
      attempts: ending.attempts,
      wasDecided: wasDelivered,
    });
    return "dead-letter";
  }

  #commit(batch: readonly BatchMessage[], record: MoveRecord): Promise<void> {
    const busy = `another command moves events of ${this.functionName} at this moment`;
    return this.#position.store(this.cluster.nc, this.clock, batch, record, busy);
  }

  #stuck(stream: string): Error {
    return new Error(
      `a process still handles events of ${this.functionName} on ${stream}: stop it, and run this again`,
    );
  }
}

function tooLarge({ attempts }: UsedUp): DeadLetterOutcome {
  const message = "with the headers that a move adds it exceeds the max_payload of the servers";
  return { kind: "dead-letter", reason: "rejected", attempts, error: { name: "TooLargeError", message } };
}
