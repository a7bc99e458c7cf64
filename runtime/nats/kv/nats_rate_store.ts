import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { errors, headers, type NatsConnection } from "@nats-io/transport-node";
import { errorDetail } from "../../core/error_detail.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { readWindow } from "../../core/rate_window.ts";
import type { RateStore, StoredWindow } from "../../engine/rate_store.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";
import { jetstreamManagerOn, subjectOn } from "../client/subject_prefixes.ts";
import { type Bucket, bucketStream, namedBucket } from "../topology/resources.ts";
import { ensureBucket } from "./bucket.ts";
import { RATES } from "./resources.ts";

/** Milliseconds in which the server must answer. Deliveries wait for it. */
const TIMEOUT_MS = 2_000;

/**
 * Keeps the windows of rate limits in a NATS key-value bucket, each as JSON in one key. A window is replaced only at
 * the revision that was read, so no two processes take the same start.
 */
export class NatsRateStore implements RateStore {
  readonly #bucket: Bucket;
  readonly #stream: string;
  #jsm: Promise<JetStreamManager> | undefined;

  /**
   * @param replicas Replicas of a new bucket. Undefined: a missing bucket is not created.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly nc: NatsConnection,
    readonly replicas: number | undefined,
    readonly names: Namespace = NO_NAMESPACE,
  ) {
    this.#bucket = namedBucket(RATES, names);
    this.#stream = bucketStream(this.#bucket.name);
  }

  read(functionName: string, key: string): Promise<StoredWindow> {
    return this.#use(async ({ streams }) => {
      const message = await streams.getMessage(this.#stream, { last_by_subj: this.#subject(functionName, key) });
      // A deleted or expired key may leave a marker without a value.
      if (!message) return { window: readWindow(undefined), revision: 0 };
      return { window: readWindow(parse(message.data)), revision: message.seq };
    });
  }

  write(
    functionName: string,
    key: string,
    { window, revision }: StoredWindow,
    ttlMs: number,
  ): Promise<number | undefined> {
    return this.#use(async (jsm) => {
      const hdrs = headers(), subject = subjectOn(this.nc, this.#subject(functionName, key));
      hdrs.set("Nats-TTL", `${Math.ceil(ttlMs / 1_000)}s`);
      hdrs.set("Nats-Expected-Last-Subject-Sequence", String(revision));
      const options = { headers: hdrs, timeout: TIMEOUT_MS };
      try {
        return (await jsm.jetstream().publish(subject, JSON.stringify(window), options)).seq;
      } catch (error) {
        if (error instanceof JetStreamApiError && isWrongLastSequence(error.code)) return undefined;
        throw error;
      }
    });
  }

  #subject(functionName: string, key: string): string {
    return `$KV.${this.#bucket.name}.${functionName}.${key}`;
  }

  /** Uses the bucket. After a failure it is created, in case it was deleted: the next use finds it. */
  async #use<Result>(use: (jsm: JetStreamManager) => Promise<Result>): Promise<Result> {
    const jsm = await (this.#jsm ??= jetstreamManagerOn(this.nc, { timeout: TIMEOUT_MS }));
    try {
      return await use(jsm);
    } catch (error) {
      if (this.replicas !== undefined) {
        void ensureBucket(jsm, this.#bucket, this.replicas, this.names).catch(() => {});
      }
      // The client's own message for a subject without a stream says that JetStream is not enabled.
      const { cause } = error as Error, isMissing = cause instanceof errors.RequestError && cause.isNoResponders();
      const why = isMissing ? "it is missing, or has no leader" : errorDetail(error).message;
      throw new Error(`bucket ${this.#bucket.name}: ${why}`, { cause: error });
    }
  }
}

function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
}
