import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { errors, headers, type NatsConnection } from "@nats-io/transport-node";
import { errorDetail } from "../../core/error_detail.ts";
import type { Namespace } from "../../core/namespace.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";
import { jetstreamManagerOn, subjectOn } from "../client/subject_prefixes.ts";
import { type Bucket, bucketStream } from "../topology/resources.ts";
import { ensureBucket } from "./bucket.ts";

/** Milliseconds in which the server must answer. Deliveries and probes wait for it. */
const TIMEOUT_MS = 2_000;

/** The value of a key, and its place in the bucket. Without a value, revision and time are 0. */
interface RevisionedValue {
  readonly value: unknown;
  readonly revision: number;
  /** Milliseconds since 1970, by the server. */
  readonly storedAtMs: number;
}

/**
 * Values of several processes in a NATS key-value bucket, each as JSON in one key. A value is replaced only at the
 * revision that was read.
 */
export class RevisionedValues {
  readonly stream: string;
  #jsm: Promise<JetStreamManager> | undefined;

  /** @param replicas Replicas of a new bucket. Undefined: a missing bucket is not created. */
  constructor(
    readonly nc: NatsConnection,
    readonly bucket: Bucket,
    readonly replicas: number | undefined,
    readonly names: Namespace,
  ) {
    this.stream = bucketStream(bucket.name);
  }

  /** Returns the value. A deleted or expired key may leave a marker that is no JSON: its value is undefined. */
  read(key: string): Promise<RevisionedValue> {
    return this.#use(async ({ streams }) => {
      const message = await streams.getMessage(this.stream, { last_by_subj: this.#subject(key) });
      if (!message) return { value: undefined, revision: 0, storedAtMs: 0 };
      return { value: parse(message.data), revision: message.seq, storedAtMs: message.time.getTime() };
    });
  }

  /**
   * Replaces the value at that revision; 0 stands for none. The server removes it after `ttlMs`.
   *
   * @returns the new revision, or undefined if the key has another revision
   */
  write(key: string, value: unknown, revision: number, ttlMs: number): Promise<number | undefined> {
    return this.#use(async (jsm) => {
      const hdrs = headers(), subject = subjectOn(this.nc, this.#subject(key));
      hdrs.set("Nats-TTL", `${Math.ceil(ttlMs / 1_000)}s`);
      hdrs.set("Nats-Expected-Last-Subject-Sequence", String(revision));
      try {
        const options = { headers: hdrs, timeout: TIMEOUT_MS };
        return (await jsm.jetstream().publish(subject, JSON.stringify(value), options)).seq;
      } catch (error) {
        if (error instanceof JetStreamApiError && isWrongLastSequence(error.code)) return undefined;
        throw error;
      }
    });
  }

  #subject(key: string): string {
    return `$KV.${this.bucket.name}.${key}`;
  }

  /** Uses the bucket. After a failure it is created, in case it was deleted: the next use finds it. */
  async #use<Result>(use: (jsm: JetStreamManager) => Promise<Result>): Promise<Result> {
    const jsm = await (this.#jsm ??= jetstreamManagerOn(this.nc, { timeout: TIMEOUT_MS }));
    try {
      return await use(jsm);
    } catch (error) {
      if (this.replicas !== undefined) {
        void ensureBucket(jsm, this.bucket, this.replicas, this.names).catch(() => {});
      }
      // The client's own message for a subject without a stream says that JetStream is not enabled.
      const { cause } = error as Error, isMissing = cause instanceof errors.RequestError && cause.isNoResponders();
      const why = isMissing ? "it is missing, or has no leader" : errorDetail(error).message;
      throw new Error(`bucket ${this.bucket.name}: ${why}`, { cause: error });
    }
  }
}

export function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
}
