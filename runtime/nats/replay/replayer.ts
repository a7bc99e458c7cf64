import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { decode } from "../../core/cloudevent.ts";
import { matchesData } from "../../core/data_filter.ts";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import type { Clock } from "../../engine/clock.ts";
import { type BatchMessage, enableBatches } from "../publish/atomic_batch.ts";
import { fittingMessage } from "../retry/fit_payload.ts";
import { ownHeaders, setOrigin } from "../retry/retry_headers.ts";
import { dueSubject } from "../retry/retry_stream.ts";
import { readHistory } from "./history.ts";
import { ReplayPosition, type ReplayRecord } from "./replay_position.ts";

/** Most events of one batch, and batches a second at a low rate. */
const MAX_BATCH = 100, BATCHES_PER_SECOND = 5;

interface ReplayOptions {
  readonly perSecond: number;
  readonly signal: AbortSignal;
  readonly progress: (record: ReplayRecord) => void;
}

/**
 * Sends stored events to one function again. They go through the stream RETRIES, so no other subscriber of the events
 * receives them.
 */
export class Replayer {
  readonly #position: ReplayPosition;

  constructor(
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
    readonly clock: Clock,
    readonly functionName: string,
    readonly names: Namespace,
  ) {
    this.#position = new ReplayPosition(jsm, functionName, names);
  }

  /** Returns the unfinished replay of the function, if any. */
  unfinished(): Promise<ReplayRecord | undefined> {
    return this.#position.read();
  }

  /** Forgets the unfinished replay. What it has sent stays sent. */
  async abandon(): Promise<void> {
    if (await this.#position.read()) await this.#position.remove();
  }

  /** Returns which events a replay would send, and sends none. */
  async *preview({ ranges, where }: ReplayRecord): AsyncIterable<{ delivery: Delivery; isSent: boolean }> {
    for (const range of ranges) {
      for await (const delivery of readHistory(this.nc, this.jsm, range, this.names)) {
        yield { delivery, isSent: matches(delivery, where) };
      }
    }
  }

  /**
   * Sends what is left of a replay. Resolves when the replay is finished or was interrupted, with the record at that
   * time. The ranges of a finished replay are empty.
   *
   * @param start A new replay, or the unfinished one.
   * @throws {PublishError} when events cannot be stored. The replay can be continued.
   */
  async run(start: ReplayRecord, { perSecond, signal, progress }: ReplayOptions): Promise<ReplayRecord> {
    await enableBatches(this.jsm, this.names.retries.stream);
    const size = Math.max(1, Math.min(MAX_BATCH, Math.floor(perSecond / BATCHES_PER_SECOND)));
    const startedMs = this.clock.now();
    let record = start, batch: BatchMessage[] = [], stored = start;
    const store = async () => {
      await this.#store(batch, record);
      stored = record;
      batch = [];
      progress(record);
      const dueMs = startedMs + (record.sent - start.sent) / perSecond * 1_000;
      await this.#pause(dueMs - this.clock.now(), signal);
    };
    if (this.#position.sequence === 0) await store();
    for (let [range, ...others] = record.ranges; range; [range, ...others] = others) {
      for await (const delivery of readHistory(this.nc, this.jsm, range, this.names)) {
        if (signal.aborted) return stored;
        const ranges = [{ ...range, from: { sequence: delivery.sequence + 1 } }, ...others];
        record = { ...record, ranges, read: record.read + 1 };
        const message = matches(delivery, record.where) ? this.#message(delivery, record) : undefined;
        if (message === "too-large") record = { ...record, tooLarge: record.tooLarge + 1 };
        else if (message && batch.push(message)) record = { ...record, sent: record.sent + 1 };
        if (batch.length === size) await store();
      }
      record = { ...record, ranges: others };
    }
    if (signal.aborted) return stored;
    await this.#store(batch, record);
    await this.#position.remove();
    return record;
  }

  async #store(batch: readonly BatchMessage[], record: ReplayRecord): Promise<void> {
    const busy = `another command replays to ${this.functionName} at this moment`;
    await this.#position.store(this.nc, this.clock, batch, record, busy);
  }

  /** Returns the message by which an event comes back to the function. */
  #message(delivery: Delivery, { id, force }: ReplayRecord): BatchMessage | "too-large" {
    const { functionName } = this, hdrs = ownHeaders(delivery.headers);
    const history = { ...delivery.history, replay: id, ...(force && { isForced: true as const }) };
    setOrigin(hdrs, functionName, { ...delivery, messageKey: delivery.messageKey, history });
    const subject = dueSubject(functionName, delivery, this.names);
    return fittingMessage(this.nc, subject, delivery.payload, hdrs) ?? "too-large";
  }

  async #pause(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>(), cancel = this.clock.timer(ms, resolve);
    signal?.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    cancel();
  }
}

function matches(delivery: Delivery, where: ReplayRecord["where"]): boolean {
  if (where.length === 0) return true;
  const decoded = decode(delivery);
  return decoded.kind === "event" && matchesData(decoded.event.data, where);
}
