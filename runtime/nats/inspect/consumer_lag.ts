import { type ConsumerInfo, JetStreamApiError, type JetStreamManager, type MsgRequest } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Clock } from "../../engine/clock.ts";
import { serverTime } from "../client/server_time.ts";
import { withTimeout } from "../client/with_timeout.ts";
import { delayedRetriesOf } from "../retry/retry_stream.ts";
import { pausedUntil } from "../topology/pause.ts";
import type { Durable } from "../topology/resources.ts";
import { SubjectCounts } from "./count_messages.ts";

/** The backlog of a function, over all replicas. A value is undefined when the server did not report it. */
export interface FunctionLag {
  /** Events that were not delivered yet. */
  readonly pending?: number;
  /** Events that were delivered and not settled. */
  readonly ackPending?: number;
  /** Time since the oldest unsettled event was stored or became due; 0 when there is none. */
  readonly oldestWaitingMs?: number;
  readonly delayedRetries?: number;
  readonly deadLetters?: number;
  /** End of the function's pause, as an RFC 3339 timestamp; undefined if it is not paused. */
  readonly pausedUntil?: string;
}

/** Minimum age in milliseconds at which metrics read again: 5 s, or 50 ms a consumer, which is 20 requests a second. */
const MIN_AGE_MS = 5_000, PER_CONSUMER_MS = 50;
/** Concurrent requests. Bounds the burst of one round. */
const CONCURRENCY = 8;
/** Maximum wait of a caller in milliseconds. The scrape of the metrics must not time out. */
const TIMEOUT_MS = 2_000;
/**
 * Milliseconds after which the oldest event of a consumer that has not moved is read again, since the event may have
 * been deleted.
 */
const OLDEST_AGE_MS = 30_000;

interface OldestEvent {
  /** Sequence after the ack floor when it was read. */
  readonly from: number;
  readonly storedAtMs: number;
  readonly readAtMs: number;
}

/** Requests the info of consumers. Those that the server does not report are left out. */
export type ReadConsumers = (durables: readonly Durable[]) => Promise<ReadonlyMap<Durable, ConsumerInfo>>;

interface LagOptions {
  /** Default: one request for each consumer. */
  readonly readConsumers?: ReadConsumers;
  /** Returns whether a consumer keeps up with what is published, so that nothing waits in it for long. Default: false. */
  readonly keepsUp?: (durable: Durable, info: ConsumerInfo) => boolean;
  /** Milliseconds for which the oldest event of a consumer that moves is not read again. @default 0 */
  readonly oldestEveryMs?: number;
  /** Milliseconds for which delayed retries and dead letters are not counted again. @default 0 */
  readonly countEveryMs?: number;
}

type ConsumerLag =
  & Required<Pick<FunctionLag, "pending" | "ackPending" | "oldestWaitingMs">>
  & Pick<FunctionLag, "pausedUntil">;

/**
 * Reads the backlog of functions on demand, and caches it for metrics. All values are the server's own counts.
 *
 * A round requests the info of each consumer once, and one message for each filter of a consumer that is behind and has
 * moved. It counts delayed retries and dead letters only after a change of their streams.
 */
export class LagReader {
  #last: { readonly atMs: number; readonly lags: ReadonlyMap<string, FunctionLag> } | undefined;
  #round: Promise<void> | undefined;
  readonly #oldest = new Map<Durable, OldestEvent>();
  readonly #delayedRetries: SubjectCounts;
  readonly #deadLetters: SubjectCounts;
  readonly #names: readonly string[];

  constructor(
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
    readonly durables: readonly Durable[],
    readonly clock: Clock,
    names: Namespace = NO_NAMESPACE,
    readonly options: LagOptions = {},
  ) {
    const { retries, deadLetters } = names;
    this.#names = [...new Set(durables.map(({ functionName }) => functionName))];
    this.#delayedRetries = new SubjectCounts(nc, jsm, retries.stream, (name) => delayedRetriesOf(name, names));
    this.#deadLetters = new SubjectCounts(nc, jsm, deadLetters.stream, (name) => `${deadLetters.prefix}.${name}.>`);
  }

  /** Maximum age of values that metrics show, in milliseconds. */
  get #maxAgeMs(): number {
    return Math.max(MIN_AGE_MS, this.durables.length * PER_CONSUMER_MS);
  }

  /**
   * Returns the lag by function after two seconds at most. Never rejects.
   *
   * @param maxAgeMs Maximum age of cached values; 0 reads now. Default: the maximum age for metrics.
   */
  async read(maxAgeMs: number = this.#maxAgeMs): Promise<ReadonlyMap<string, FunctionLag>> {
    await withTimeout(this.clock, TIMEOUT_MS, this.#readSince(this.clock.now() - maxAgeMs)).catch(() => {});
    const { atMs, lags } = this.#last ?? { atMs: -Infinity, lags: new Map() };
    // Stale values would hide that the server does not respond.
    return this.clock.now() - atMs < 3 * this.#maxAgeMs ? lags : new Map();
  }

  async #readSince(sinceMs: number): Promise<void> {
    if (this.#last && this.#last.atMs > sinceMs || this.nc.isClosed()) return;
    if (this.#round) {
      await this.#round; // it began before this call
      if (this.#last && this.#last.atMs > sinceMs) return;
    }
    await (this.#round ??= this.#readAll().finally(() => this.#round = undefined));
  }

  async #readAll(): Promise<void> {
    const atMs = this.clock.now(), { countEveryMs } = this.options;
    const [delayedRetries, deadLetters] = await Promise.all([
      this.#delayedRetries.of(this.#names, countEveryMs).catch(() => undefined),
      this.#deadLetters.of(this.#names, countEveryMs).catch(() => undefined),
    ]);
    const waiting = await this.#readConsumers();
    const lags = new Map(this.#names.map((name) => {
      const own = this.durables.filter(({ functionName }) => functionName === name).map((one) => waiting.get(one));
      return [name, { ...sum(own), delayedRetries: delayedRetries?.get(name), deadLetters: deadLetters?.get(name) }];
    }));
    this.#last = { atMs, lags };
  }

  /** Reads all consumers, and gives up at the first timeout: each of the others would wait as long. */
  async #readConsumers(): Promise<ReadonlyMap<Durable, ConsumerLag | undefined>> {
    const lags = new Map<Durable, ConsumerLag | undefined>();
    const infos = await this.options.readConsumers?.(this.durables);
    for (let at = 0; at < this.durables.length; at += CONCURRENCY) {
      await Promise.all(
        this.durables.slice(at, at + CONCURRENCY).map(async (durable) => {
          lags.set(durable, await this.#readConsumer(durable, infos).catch(undefinedIfRefused));
        }),
      );
    }
    return lags;
  }

  /** @param infos Infos that were requested already. Default: the info is requested. */
  async #readConsumer(
    durable: Durable,
    infos?: ReadonlyMap<Durable, ConsumerInfo>,
  ): Promise<ConsumerLag | undefined> {
    const info = infos ? infos.get(durable) : await this.jsm.consumers.info(durable.stream, durable.consumer);
    if (!info) return undefined;
    const { num_pending: pending, num_ack_pending: ackPending } = info;
    const isWaiting = pending + ackPending > 0 && !this.options.keepsUp?.(durable, info);
    const oldestWaitingMs = isWaiting ? await this.#oldestMs(durable, info) : 0;
    return { pending, ackPending, oldestWaitingMs, pausedUntil: pausedUntil(info) };
  }

  /**
   * Returns the age of the first matching message after the ack floor. It is computed from two times of the server, so
   * the clock of this host does not matter.
   */
  async #oldestMs(durable: Durable, { ack_floor, ...info }: ConsumerInfo): Promise<number> {
    const now = this.clock.now(), serverNow = serverTime(info);
    const from = ack_floor.stream_seq + 1;
    let oldest = this.#oldest.get(durable);
    const keptMs = oldest?.from === from ? OLDEST_AGE_MS : this.options.oldestEveryMs ?? 0;
    if (!oldest || now - oldest.readAtMs > keptMs) {
      const times = await Promise.all(durable.filters.map(async (next_by_subj) => {
        const position = { seq: from, next_by_subj } as MsgRequest; // the server takes both; the client's type does not
        const message = await this.jsm.streams.getMessage(durable.stream, position);
        return message?.time.getTime() ?? Infinity;
      }));
      const storedAtMs = Math.min(...times);
      if (storedAtMs === Infinity) return 0; // settled or deleted meanwhile
      this.#oldest.set(durable, oldest = { from, storedAtMs, readAtMs: now });
    }
    return Math.max(0, serverNow - oldest.storedAtMs);
  }
}

/** Turns an error response, as for a deleted consumer or a missing permission, into undefined. Rethrows a timeout. */
function undefinedIfRefused(error: unknown): undefined {
  const denied = [error, (error as Error).cause].some((one) => one instanceof errors.PermissionViolationError);
  if (!denied && !(error instanceof JetStreamApiError)) throw error;
}

/** Returns the lag over all consumers of a function. Nothing is known unless all of them responded. */
function sum(all: readonly (ConsumerLag | undefined)[]): Partial<ConsumerLag> {
  const known = all.filter((one) => one !== undefined);
  if (known.length < all.length) return {};
  const until = known.flatMap(({ pausedUntil }) => pausedUntil ?? []).sort().at(-1);
  return {
    pending: known.reduce((total, { pending }) => total + pending, 0),
    ackPending: known.reduce((total, { ackPending }) => total + ackPending, 0),
    oldestWaitingMs: Math.max(0, ...known.map(({ oldestWaitingMs }) => oldestWaitingMs)),
    ...(until !== undefined && { pausedUntil: until }),
  };
}
