import { jetstreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { AttemptCounts, AttemptStore } from "../../engine/attempt_store.ts";
import type { Delivery } from "../../core/delivery.ts";
import { ensureBucket, missingBucket, openBucket } from "../kv/bucket.ts";
import { ATTEMPTS } from "./resources.ts";

/**
 * Keeps the counts in a NATS key-value bucket, so that a restart or another replica counts on. Nothing is read or
 * written for an event that is handled at its first delivery.
 */
export class NatsAttemptStore implements AttemptStore {
  #kv: Pick<KV, "get" | "put">;

  /**
   * @param isParked whether an event waits in the retry lane
   * @param reopen makes the bucket again when it is gone
   */
  constructor(
    kv: Pick<KV, "get" | "put">,
    readonly isParked: (functionName: string, delivery: Delivery) => Promise<boolean> = () => Promise.resolve(false),
    readonly reopen?: () => Promise<Pick<KV, "get" | "put">>,
  ) {
    this.#kv = kv;
  }

  /**
   * Opens the bucket, making it if need be.
   *
   * @param replicas of a bucket that is made; undefined: none is made
   */
  static async open(
    nc: NatsConnection,
    replicas: number | undefined,
    isParked?: NatsAttemptStore["isParked"],
  ): Promise<NatsAttemptStore> {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    const open = async () => {
      if (replicas !== undefined) await ensureBucket(jsm, ATTEMPTS, replicas);
      const kv = await openBucket(nc, jsm, ATTEMPTS.name);
      if (!kv) throw missingBucket(ATTEMPTS.name);
      return kv;
    };
    return new NatsAttemptStore(await open(), isParked, open);
  }

  async read(functionName: string, delivery: Delivery): Promise<AttemptCounts | undefined> {
    const entry = await this.#use((kv) => kv.get(key(functionName, delivery)));
    const deleted = entry?.operation === "DEL" || entry?.operation === "PURGE";
    const known = deleted ? undefined : entry?.json<AttemptCounts>();
    // A process may have died between parking an event and taking it from its consumer. Where that wrote down
    // anything at all, it did so before; and parked, an event comes back with what it has used up.
    const parked = await this.isParked(functionName, delivery);
    return parked ? { begun: 0, free: 0, emitted: true, ...known, parked } : known;
  }

  async write(functionName: string, delivery: Delivery, counts: AttemptCounts): Promise<void> {
    await this.#use((kv) => kv.put(key(functionName, delivery), JSON.stringify(counts)));
  }

  /** Once more where the bucket may be gone, which somebody may have deleted; where nobody answers it is not that. */
  async #use<Result>(use: (kv: Pick<KV, "get" | "put">) => Promise<Result>): Promise<Result> {
    try {
      return await use(this.#kv);
    } catch (error) {
      const nobodyAnswers = error instanceof errors.TimeoutError || error instanceof errors.ClosedConnectionError;
      if (!this.reopen || nobodyAnswers) throw error;
      this.#kv = await this.reopen();
      return await use(this.#kv);
    }
  }
}

function key(functionName: string, { messageKey }: Delivery): string {
  return `${functionName}.${messageKey}`;
}
