import {
  type ConsumerInfo,
  DeliverPolicy,
  type JetStreamManager,
  type MsgRequest,
  type StoredMsg,
} from "@nats-io/jetstream";
import type { Log } from "../../api/context.ts";
import type { Clock } from "../../engine/clock.ts";
import { covers } from "../../core/subjects.ts";
import { removeMessage } from "../client/remove_message.ts";
import type { RetryStream } from "../retry/retry_stream.ts";
import { filtersOf } from "../topology/plan_consumer.ts";
import type { Durable } from "../topology/resources.ts";
import { storedDelivery } from "./parse_delivery.ts";

/** Maximum number of events to read for one consumer. It bounds the requests after a long time with narrow filters. */
const MAX_READ = 10_000;
/** Delay, in milliseconds, before events that could not be brought back are tried again. */
const RETRY_MS = 5_000;

/** Deliver policies that skip older events. Weir uses none of them for its own consumers. */
const SKIPPING: readonly string[] = [
  DeliverPolicy.New,
  DeliverPolicy.Last,
  DeliverPolicy.LastPerSubject,
  DeliverPolicy.StartTime,
];

/** A position of a consumer. The two creation times show whether the consumer and its stream are still the same. */
interface Position {
  readonly delivered: number;
  readonly settledUpTo: number;
  readonly created: string;
  /** Undefined until a check has found the stream. */
  readonly streamCreated: string | undefined;
}

/**
 * Brings back events that a consumer has passed because another client changed the consumer. If a filter was removed
 * and is back, the consumer goes on at its position, past the events of that filter. If the consumer was deleted and
 * created again to begin with new events, it skips the older ones. Events that were delivered between the last check
 * and the change may be handled twice.
 */
export class PassedEvents {
  /** The position of each consumer at the last check that found all of its filters. */
  readonly #positions = new Map<Durable, Position>();
  readonly #pauses = new Set<() => void>();
  #stopped = false;

  constructor(
    readonly jsm: Pick<JetStreamManager, "streams">,
    readonly retries: Pick<RetryStream, "bringBack" | "names">,
    readonly log: Log,
    readonly clock: Clock,
  ) {}

  /** Records the position of a consumer that has all of its filters. */
  record(durable: Durable, info: ConsumerInfo, streamCreated?: string): void {
    if (missing(durable, filtersOf(info.config)).length > 0) return;
    const { created, delivered, ack_floor } = info;
    const position = { created, delivered: delivered.stream_seq, settledUpTo: ack_floor.stream_seq, streamCreated };
    this.#positions.set(durable, position);
  }

  /** Returns whether another client has created the consumer again, with a deliver policy that skips older events. */
  isReplaced(durable: Durable, { created, config }: ConsumerInfo): boolean {
    const known = this.#positions.get(durable);
    return known !== undefined && known.created !== created && SKIPPING.includes(config.deliver_policy);
  }

  /**
   * Brings back the events that a replaced consumer skips: stores them in the retry stream, as {@linkcode bringBack}
   * does.
   */
  async bringBackSkipped(durable: Durable, info: ConsumerInfo, streamCreated: string): Promise<void> {
    const untilMs = Date.parse(info.config.opt_start_time ?? info.created);
    const settledUpTo = this.#known(durable, streamCreated)?.settledUpTo ?? 0;
    await this.#bringBack(durable, settledUpTo, async () => {
      return (await this.#readAll(durable, settledUpTo)).filter(({ time }) => time.getTime() <= untilMs);
    });
  }

  /**
   * Brings back the events that the consumer has passed: stores them in the retry stream. Several replicas may do so at
   * once: each event is stored only once.
   *
   * @param had The filters that the consumer had before.
   * @param info The consumer right after it got its filters back.
   * @param streamCreated Creation time of the consumer's stream. Default: the stream is the one of the recorded
   * position.
   */
  async bringBack(durable: Durable, had: readonly string[], info: ConsumerInfo, streamCreated?: string): Promise<void> {
    const lost = missing(durable, had);
    if (!this.#positions.has(durable) || lost.length === 0) return;
    const after = this.#known(durable, streamCreated)?.delivered ?? 0;
    await this.#bringBack(durable, after, async () => {
      return (await this.#passed(durable, after, info))
        .filter(({ subject }) => lost.some((filter) => covers(filter, subject)));
    });
  }

  /**
   * Returns the recorded position.
   *
   * Invariant: undefined if the stream was created again since, because the position then stands for other messages.
   */
  #known(durable: Durable, streamCreated: string | undefined): Position | undefined {
    const known = this.#positions.get(durable), of = known?.streamCreated;
    return of === undefined || streamCreated === undefined || of === streamCreated ? known : undefined;
  }

  async #bringBack(durable: Durable, after: number, find: () => Promise<StoredMsg[]>): Promise<void> {
    const { functionName, stream } = durable, fields = { function: functionName, stream };
    // If the process ends before the events are stored, only this line tells an operator the position.
    this.log.warn("looks for events that the consumer has passed, to bring them back", { ...fields, after });
    while (!this.#stopped) {
      try {
        const passed = await find();
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
  async #passed(durable: Durable, after: number, info: ConsumerInfo): Promise<StoredMsg[]> {
    const atMs = Date.parse((info as { ts?: string }).ts ?? "") || Infinity; // the client's type lacks `ts`
    const all = (await this.#readAll(durable, after)).filter(({ time }) => time.getTime() <= atMs);
    // The consumer will still deliver the last `num_pending` of these events. It has passed the events before them.
    return all.slice(0, Math.max(0, all.length - info.num_pending));
  }

  async #readAll({ stream, filters }: Durable, after: number): Promise<StoredMsg[]> {
    const found = await Promise.all(filters.map((filter) => this.#read(stream, filter, after)));
    return found.flat().toSorted((a, b) => a.seq - b.seq);
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
    const delivery = storedDelivery(stream, message, message.subject, this.retries.names),
      { storedAtMs, history } = delivery;
    // Events that it emitted may be stored already, if it was handled before the filter was taken.
    await this.retries.bringBack(functionName, delivery, {
      ...history,
      emittedSinceMs: history.emittedSinceMs ?? storedAtMs,
    });
    // RETRIES is a work queue: a message that its consumer has passed would stay in it for ever.
    if (this.retries.names.isWayBack(stream)) await removeMessage(this.jsm, stream, message.seq);
  }
}

function missing({ filters }: Durable, found: readonly string[]): string[] {
  return found.length === 0 ? [] : filters.filter((filter) => !found.some((one) => covers(one, filter)));
}
