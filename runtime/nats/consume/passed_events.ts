import type { ConsumerInfo, JetStreamManager, MsgRequest, StoredMsg } from "@nats-io/jetstream";
import type { Log } from "../../api/context.ts";
import type { Clock } from "../../engine/clock.ts";
import { covers } from "../../core/subjects.ts";
import { removeMessage } from "../client/remove_message.ts";
import { RETRIES, type RetryStream } from "../retry/retry_stream.ts";
import { filtersOf } from "../topology/plan_consumer.ts";
import type { Durable } from "../topology/resources.ts";
import { storedDelivery } from "./parse_delivery.ts";

/** Maximum number of events to read for one consumer. It bounds the requests after a long time with narrow filters. */
const MAX_READ = 10_000;
/** Delay in milliseconds after which it is tried again. */
const RETRY_MS = 5_000;

/**
 * Brings back the events that a consumer has passed while another client had taken one of its filters: it keeps its
 * position when the filter is back. What was delivered since the last check before that may be handled twice.
 */
export class PassedEvents {
  /** The last delivery of each consumer at a check that found all of its filters. */
  readonly #delivered = new Map<Durable, number>();
  readonly #pauses = new Set<() => void>();
  #stopped = false;

  constructor(
    readonly jsm: Pick<JetStreamManager, "streams">,
    readonly retries: Pick<RetryStream, "bringBack">,
    readonly log: Log,
    readonly clock: Clock,
  ) {}

  /** Records the position of a consumer that has all of its filters. */
  record(durable: Durable, info: ConsumerInfo): void {
    if (missing(durable, filtersOf(info.config)).length > 0) return;
    this.#delivered.set(durable, info.delivered.stream_seq);
  }

  /**
   * Stores the events that the consumer has passed in the retry stream. Replicas may do so at once: an event is stored
   * once.
   *
   * @param had The filters that it had.
   * @param info The consumer right after it got its filters back.
   */
  async bringBack(durable: Durable, had: readonly string[], info: ConsumerInfo): Promise<void> {
    const { functionName, stream } = durable, fields = { function: functionName, stream };
    const after = this.#delivered.get(durable), lost = missing(durable, had);
    if (after === undefined || lost.length === 0) return;
    while (!this.#stopped) {
      try {
        const passed = (await this.#passed(durable, after, info))
          .filter(({ subject }) => lost.some((filter) => covers(filter, subject)));
        for (const message of passed) await this.#store(functionName, stream, message);
        const what = `brought back ${passed.length} events that the consumer had passed`;
        if (passed.length > 0) this.log.error(what, fields);
        return;
      } catch (error) {
        this.log.error("events that the consumer has passed are not brought back yet", { ...fields, after, error });
        await this.#pause();
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const end of this.#pauses) end();
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.clock.timer(RETRY_MS, resolve);
    this.#pauses.add(resolve);
    await promise;
    cancel();
    this.#pauses.delete(resolve);
  }

  /** Returns the events between the recorded position of the consumer and its position in `info`, in their order. */
  async #passed({ stream, filters }: Durable, after: number, info: ConsumerInfo): Promise<StoredMsg[]> {
    const atMs = Date.parse((info as { ts?: string }).ts ?? "") || Infinity; // the client's type lacks it
    const all = (await Promise.all(filters.map((filter) => this.#read(stream, filter, after)))).flat()
      .filter(({ time }) => time.getTime() <= atMs).toSorted((a, b) => a.seq - b.seq);
    // The consumer still has the last `num_pending` of them before it.
    return all.slice(0, Math.max(0, all.length - info.num_pending));
  }

  async #read(stream: string, next_by_subj: string, after: number): Promise<StoredMsg[]> {
    const messages: StoredMsg[] = [];
    for (let seq = after + 1; messages.length < MAX_READ;) {
      const message = await this.jsm.streams.getMessage(stream, { seq, next_by_subj } as MsgRequest);
      if (!message) return messages;
      messages.push(message);
      seq = message.seq + 1;
    }
    this.log.error(`read no more than ${MAX_READ} events that a consumer may have passed`, { stream, after });
    return messages;
  }

  async #store(functionName: string, stream: string, message: StoredMsg): Promise<void> {
    const delivery = storedDelivery(stream, message), { storedAtMs, history } = delivery;
    // Events that it emitted may be stored already, if it was handled before the filter was taken.
    await this.retries.bringBack(functionName, delivery, {
      ...history,
      emittedSinceMs: history.emittedSinceMs ?? storedAtMs,
    });
    // RETRIES is a work queue: a message that its consumer has passed would stay in it for ever.
    if (stream === RETRIES.stream) await removeMessage(this.jsm, stream, message.seq);
  }
}

function missing({ filters }: Durable, found: readonly string[]): string[] {
  return found.length === 0 ? [] : filters.filter((filter) => !found.some((one) => covers(one, filter)));
}
