import { JetStreamApiError, type JetStreamManager, type StreamInfo } from "@nats-io/jetstream";
import { errors, headers, type NatsConnection } from "@nats-io/transport-node";
import { errorDetail } from "../../core/error_detail.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { readSharedState, type SharedState, type StoredState } from "../../core/shared_breaker.ts";
import type { BreakerStore } from "../../engine/breaker_store.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";
import { jetstreamManagerOn, subjectOn } from "../client/subject_prefixes.ts";
import { type Bucket, bucketStream, namedBucket } from "../topology/resources.ts";
import { ensureBucket } from "./bucket.ts";
import { BREAKERS } from "./resources.ts";

/** Milliseconds in which the server must answer. A probe waits for it. */
const TIMEOUT_MS = 2_000;

type Listener = (revision?: number) => void;

/**
 * Keeps the states of shared breakers in a NATS key-value bucket, each as JSON in one key, and tells the other processes
 * of each write on the subject {@linkcode Namespace.breakers}. A notice only makes them read. One that is lost is made up
 * for by {@linkcode found} and {@linkcode changed}.
 */
export class NatsBreakerStore implements BreakerStore {
  readonly stream: string;
  readonly #bucket: Bucket;
  readonly #listeners = new Map<string, Listener>();
  #jsm: Promise<JetStreamManager> | undefined;
  #seen: string | undefined;

  /**
   * @param replicas Replicas of a new bucket. Undefined: a missing bucket is not created.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly nc: NatsConnection,
    readonly replicas: number | undefined,
    readonly names: Namespace = NO_NAMESPACE,
  ) {
    this.#bucket = namedBucket(BREAKERS, names);
    this.stream = bucketStream(this.#bucket.name);
  }

  read(key: string): Promise<StoredState> {
    return this.#use(async ({ streams }) => {
      const message = await streams.getMessage(this.stream, { last_by_subj: this.#subject(key) });
      if (!message) return { state: undefined, revision: 0, storedAtMs: 0 };
      return { state: readSharedState(parse(message.data)), revision: message.seq, storedAtMs: message.time.getTime() };
    });
  }

  write(key: string, state: SharedState, revision: number, ttlMs: number): Promise<number | undefined> {
    return this.#use(async (jsm) => {
      const hdrs = headers(), subject = subjectOn(this.nc, this.#subject(key));
      hdrs.set("Nats-TTL", `${Math.ceil(ttlMs / 1_000)}s`);
      hdrs.set("Nats-Expected-Last-Subject-Sequence", String(revision));
      try {
        const options = { headers: hdrs, timeout: TIMEOUT_MS };
        const { seq } = await jsm.jetstream().publish(subject, JSON.stringify(state), options);
        if (!this.nc.isClosed()) this.nc.publish(this.names.breakers, JSON.stringify({ key, revision: seq }));
        return seq;
      } catch (error) {
        if (error instanceof JetStreamApiError && isWrongLastSequence(error.code)) return undefined;
        throw error;
      }
    });
  }

  /** The first call subscribes to the notices. Without the permission, the changes are found by the next check. */
  watch(key: string, listener: Listener): void {
    if (this.#listeners.size === 0) {
      this.nc.subscribe(this.names.breakers, {
        callback: (error, msg) => {
          if (!error) this.#noticed(msg.data);
        },
      });
    }
    this.#listeners.set(key, listener);
  }

  /** Reads all states again if the bucket has changed since the last call. @param info Of the bucket's stream. */
  found(info: StreamInfo | undefined): void {
    const seen = info && `${info.created} ${info.state.last_seq}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.changed();
  }

  /** Reads all states again, as after a reconnect. */
  changed(): void {
    for (const listener of this.#listeners.values()) listener();
  }

  #noticed(data: Uint8Array): void {
    const { key, revision } = Object(parse(data)) as { key?: unknown; revision?: unknown };
    if (typeof key !== "string") return;
    this.#listeners.get(key)?.(typeof revision === "number" ? revision : undefined);
  }

  #subject(key: string): string {
    return `$KV.${this.#bucket.name}.${key}`;
  }

  /** Creates the bucket after a failure, in case it was deleted: the next use finds it. */
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
