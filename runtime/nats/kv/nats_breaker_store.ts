import type { StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { readSharedState, type SharedState, type StoredState } from "../../core/shared_breaker.ts";
import type { BreakerStore } from "../../engine/breaker_store.ts";
import { namedBucket } from "../topology/resources.ts";
import { BREAKERS } from "./resources.ts";
import { parse, RevisionedValues } from "./revisioned_values.ts";

type Listener = (revision?: number) => void;

/**
 * Keeps the states of shared breakers in a NATS key-value bucket, each as JSON in one key, and tells the other processes
 * of each write on the subject {@linkcode Namespace.breakers}. A notice only makes them read. One that is lost is made up
 * for by {@linkcode found} and {@linkcode changed}.
 */
export class NatsBreakerStore implements BreakerStore {
  readonly #values: RevisionedValues;
  readonly #listeners = new Map<string, Listener>();
  #seen: string | undefined;

  /**
   * @param replicas Replicas of a new bucket. Undefined: a missing bucket is not created.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly nc: NatsConnection,
    replicas: number | undefined,
    readonly names: Namespace = NO_NAMESPACE,
  ) {
    this.#values = new RevisionedValues(nc, namedBucket(BREAKERS, names), replicas, names);
  }

  get stream(): string {
    return this.#values.stream;
  }

  async read(key: string): Promise<StoredState> {
    const { value, revision, storedAtMs } = await this.#values.read(key);
    return { state: readSharedState(value), revision, storedAtMs };
  }

  async write(key: string, state: SharedState, revision: number, ttlMs: number): Promise<number | undefined> {
    const written = await this.#values.write(key, state, revision, ttlMs);
    if (written !== undefined && !this.nc.isClosed()) {
      this.nc.publish(this.names.breakers, JSON.stringify({ key, revision: written }));
    }
    return written;
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
}
