import type { KV } from "@nats-io/kv";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { AttemptCounts, AttemptStore } from "../../engine/attempt_store.ts";
import { jetstreamManagerOn } from "../client/subject_prefixes.ts";
import { ensureBucket, openBucket } from "../kv/bucket.ts";
import { namedBucket } from "../topology/resources.ts";
import { ATTEMPTS } from "./resources.ts";

type Bucket = Pick<KV, "get" | "put">;

/** Attempt counts as stored JSON. The names `free` and `emitted` must stay: earlier releases read them. */
type StoredCounts = Omit<AttemptCounts, "excused" | "mayHaveEmitted"> & {
  readonly free: number;
  readonly emitted: boolean;
};

/**
 * Stores attempt counts in a NATS key-value bucket, so that another process continues them. Nothing is read or written
 * for an event that is handled at its first delivery.
 */
export class NatsAttemptStore implements AttemptStore {
  #kv: Bucket;
  /** Functions that are known to be marked. */
  readonly #prefetching = new Set<string>();

  /**
   * @param isDelayed Returns whether a delayed retry of the event is stored. Default: always false.
   * @param reopen Opens the bucket again after it was deleted. Default: it is not opened again.
   */
  constructor(
    kv: Bucket,
    readonly isDelayed: (functionName: string, delivery: Delivery) => Promise<boolean> = () => Promise.resolve(false),
    readonly reopen?: () => Promise<Bucket>,
  ) {
    this.#kv = kv;
  }

  /**
   * Opens the bucket.
   *
   * @param replicas the replicas of a bucket that is created. Default: a missing bucket is an error.
   * @param names The names in NATS. Default: without a namespace.
   */
  static async open(
    nc: NatsConnection,
    replicas: number | undefined,
    isDelayed?: NatsAttemptStore["isDelayed"],
    names: Namespace = NO_NAMESPACE,
  ): Promise<NatsAttemptStore> {
    const jsm = await jetstreamManagerOn(nc), bucket = namedBucket(ATTEMPTS, names);
    const open = async () => {
      const found = replicas === undefined ? undefined : await ensureBucket(jsm, bucket, replicas, names);
      return await openBucket(nc, bucket.name, names, found);
    };
    return new NatsAttemptStore(await open(), isDelayed, open);
  }

  async read(functionName: string, delivery: Delivery): Promise<AttemptCounts | undefined> {
    const entry = await this.#use((kv) => kv.get(key(functionName, delivery)));
    const deleted = entry?.operation === "DEL" || entry?.operation === "PURGE";
    const known = deleted || !entry ? await this.#unwritten(functionName) : countsOf(entry.json<StoredCounts>());
    // A process may have died between storing a delayed retry and acking the event. The retry carries its own counts.
    const delayed = await this.isDelayed(functionName, delivery);
    return delayed ? { begun: 0, excused: 0, mayHaveEmitted: true, ...known, delayed } : known;
  }

  async write(functionName: string, delivery: Delivery, counts: AttemptCounts): Promise<void> {
    await this.#use((kv) => kv.put(key(functionName, delivery), JSON.stringify(toStored(counts))));
  }

  async markPrefetching(functionName: string): Promise<void> {
    await this.#use((kv) => kv.put(markOf(functionName), "{}"));
    this.#prefetching.add(functionName);
  }

  /** Returns the counts of a message for which none were written: zeros for a marked function, else undefined. */
  async #unwritten(functionName: string): Promise<AttemptCounts | undefined> {
    if (!this.#prefetching.has(functionName)) {
      if (!await this.#use((kv) => kv.get(markOf(functionName)))) return undefined;
      this.#prefetching.add(functionName);
    }
    return { begun: 0, excused: 0, mayHaveEmitted: true };
  }

  /** Reopens the bucket and retries once, in case it was deleted. Timeouts are not retried. */
  async #use<Result>(use: (kv: Bucket) => Promise<Result>): Promise<Result> {
    try {
      return await use(this.#kv);
    } catch (error) {
      const unavailable = error instanceof errors.TimeoutError || error instanceof errors.ClosedConnectionError;
      if (!this.reopen || unavailable) throw error;
      this.#kv = await this.reopen();
      return await use(this.#kv);
    }
  }
}

function toStored({ begun, excused, mayHaveEmitted, ...rest }: AttemptCounts): StoredCounts {
  return { begun, free: excused, emitted: mayHaveEmitted, ...rest };
}

function countsOf(stored: StoredCounts): AttemptCounts {
  const { free, emitted, ...rest } = stored;
  return { ...rest, excused: free, mayHaveEmitted: emitted };
}

/** Returns the key of a function's mark. Keys of counts have more tokens. */
function markOf(functionName: string): string {
  return `${functionName}.prefetching`;
}

function key(functionName: string, { messageKey }: Delivery): string {
  return `${functionName}.${messageKey}`;
}
