import { type ConsumerInfo, JetStreamApiError, type JetStreamManager, type MsgRequest } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../engine/ports.ts";
import { DEAD_LETTERS } from "../dead_letters/dead_letters.ts";
import type { Durable } from "../topology/plan_consumer.ts";
import { RETRIES } from "../retry/retry_stream.ts";
import { SubjectCounts } from "./subject_counts.ts";
import { withTimeout } from "../client/with_timeout.ts";

/** How far behind a function is, over all replicas. Undefined: the server did not say. */
export interface FunctionLag {
  /** Events that no replica was given yet. */
  readonly pending?: number;
  /** Events that some replica was given and has not settled. */
  readonly ackPending?: number;
  /** How long ago the oldest of these was stored, or came due; 0 when there is none. */
  readonly oldestWaitingMs?: number;
  readonly delayedRetries?: number;
  readonly deadLetters?: number;
}

/** How often metrics have it read anew, at the most; more rarely where there are many consumers: 20 of them a second. */
const EVERY_MS = 5_000, PER_CONSUMER_MS = 50;
/** So many questions are on their way at once: a round is no burst. */
const AT_ONCE = 8;
/** What somebody who asks waits at the most, and a server for one answer. */
const PATIENCE_MS = 2_000;
/** An oldest event whose consumer does not move is looked up again after so long: it may have been removed. */
const OLDEST_MS = 30_000;

interface Oldest {
  readonly from: number;
  readonly storedAtMs: number;
  readonly readAtMs: number;
}

/** What one consumer has waiting. */
type Waiting = Required<Pick<FunctionLag, "pending" | "ackPending" | "oldestWaitingMs">>;

/**
 * Reads how far behind the functions are: only while somebody looks, and for metrics no more often than every five
 * seconds, however many look. All of it is the server's own count; a consumer's leader answers for it.
 *
 * A round asks for each consumer once, and once for each of its filters while it is behind and moves; for the numbers
 * of delayed retries and dead letters twice for each function, and only when these streams have changed.
 */
export class LagReader {
  #last: { readonly atMs: number; readonly lags: ReadonlyMap<string, FunctionLag> } | undefined;
  #round: Promise<void> | undefined;
  readonly #oldest = new Map<Durable, Oldest>();
  readonly #delayedRetries: SubjectCounts;
  readonly #deadLetters: SubjectCounts;
  readonly #names: readonly string[];

  constructor(
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
    readonly durables: readonly Durable[],
    readonly clock: Clock,
  ) {
    this.#names = [...new Set(durables.map(({ functionName }) => functionName))];
    this.#delayedRetries = new SubjectCounts(nc, jsm, RETRIES.stream, RETRIES.delayed);
    this.#deadLetters = new SubjectCounts(nc, jsm, DEAD_LETTERS.stream, DEAD_LETTERS.prefix);
  }

  /** How old an answer may be that metrics show. */
  get everyMs(): number {
    return Math.max(EVERY_MS, this.durables.length * PER_CONSUMER_MS);
  }

  /**
   * What is known by then, by function; never rejects.
   *
   * @param maxAgeMs an answer this old will do; 0: it is read now, for somebody who looks at what he has just done
   */
  async read(maxAgeMs: number = this.everyMs): Promise<ReadonlyMap<string, FunctionLag>> {
    await withTimeout(this.clock, PATIENCE_MS, this.#readSince(this.clock.now() - maxAgeMs)).catch(() => {});
    const { atMs, lags } = this.#last ?? { atMs: -Infinity, lags: new Map() };
    // A number that nobody could read for long is none: it would hide that.
    return this.clock.now() - atMs < 3 * this.everyMs ? lags : new Map();
  }

  async #readSince(sinceMs: number): Promise<void> {
    if (this.#last && this.#last.atMs > sinceMs || this.nc.isClosed()) return;
    if (this.#round) {
      await this.#round; // it began before
      if (this.#last && this.#last.atMs > sinceMs) return;
    }
    await (this.#round ??= this.#read().finally(() => this.#round = undefined));
  }

  async #read(): Promise<void> {
    const atMs = this.clock.now();
    const [delayedRetries, deadLetters] = await Promise.all([
      this.#delayedRetries.of(this.#names).catch(() => undefined),
      this.#deadLetters.of(this.#names).catch(() => undefined),
    ]);
    const waiting = new Map<Durable, Waiting | undefined>();
    const left = [...this.durables];
    const work = async () => {
      for (let durable = left.shift(); durable; durable = left.shift()) {
        waiting.set(durable, await this.#waiting(durable).catch(unlessSilent));
      }
    };
    // Where nobody answers the rest is not asked: each would wait as long, and nothing new be known for minutes.
    const silent = (error: unknown) => {
      left.length = 0;
      throw error;
    };
    await Promise.all(Array.from({ length: AT_ONCE }, () => work().catch(silent)));
    const lags = new Map(this.#names.map((name) => {
      const own = this.durables.filter(({ functionName }) => functionName === name).map((one) => waiting.get(one));
      return [name, { ...sum(own), delayedRetries: delayedRetries?.get(name), deadLetters: deadLetters?.get(name) }];
    }));
    this.#last = { atMs, lags };
  }

  async #waiting(durable: Durable): Promise<Waiting> {
    const info = await this.jsm.consumers.info(durable.stream, durable.functionName);
    const { num_pending: pending, num_ack_pending: ackPending } = info;
    const oldestWaitingMs = pending + ackPending === 0 ? 0 : await this.#oldestMs(durable, info);
    return { pending, ackPending, oldestWaitingMs };
  }

  /** The first that matches after all that is settled. Both times are the server's: clocks need not agree. */
  async #oldestMs(durable: Durable, { ack_floor, ...info }: ConsumerInfo): Promise<number> {
    const now = this.clock.now(), serverNow = Date.parse((info as { ts?: string }).ts ?? "") || now;
    const from = ack_floor.stream_seq + 1;
    let oldest = this.#oldest.get(durable);
    if (!oldest || oldest.from !== from || now - oldest.readAtMs > OLDEST_MS) {
      const times = await Promise.all(durable.filters.map(async (next_by_subj) => {
        const which = { seq: from, next_by_subj } as MsgRequest; // the server takes it; the client's type lacks it
        const message = await this.jsm.streams.getMessage(durable.stream, which);
        return message?.time.getTime() ?? Infinity;
      }));
      const storedAtMs = Math.min(...times);
      if (storedAtMs === Infinity) return 0; // settled meanwhile, or removed
      this.#oldest.set(durable, oldest = { from, storedAtMs, readAtMs: now });
    }
    return Math.max(0, serverNow - oldest.storedAtMs);
  }
}

/** A consumer that is gone, or just has no leader, is none the less an answer. */
function unlessSilent(error: unknown): undefined {
  if (!(error instanceof JetStreamApiError)) throw error;
}

/** Of all the consumers of a function; what one of them did not say is not known. */
function sum(all: readonly (Waiting | undefined)[]): Partial<Waiting> {
  const known = all.filter((one) => one !== undefined);
  if (known.length < all.length) return {};
  return {
    pending: known.reduce((total, { pending }) => total + pending, 0),
    ackPending: known.reduce((total, { ackPending }) => total + ackPending, 0),
    oldestWaitingMs: Math.max(0, ...known.map(({ oldestWaitingMs }) => oldestWaitingMs)),
  };
}
