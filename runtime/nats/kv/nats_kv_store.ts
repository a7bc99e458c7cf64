import { type KV, Kvm } from "@nats-io/kv";
import { JetStreamApiError } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { KvBucket, KvEntry } from "../../api/context.ts";
import { KvConflictError } from "../../api/errors.ts";
import type { KvStore } from "../../engine/kv_store.ts";
import { checkKvKey, kvJson } from "../../core/kv.ts";
import { openBucket } from "./bucket.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";

/** Opens NATS key-value buckets that hold JSON. A bucket is created when it is first used. */
export class NatsKvStore implements KvStore {
  readonly #buckets = new Map<string, Promise<KV>>();

  /** @param replicas Replicas of a new bucket. Default: a missing bucket is an error. */
  constructor(readonly nc: NatsConnection, readonly replicas: number | undefined) {}

  bucket<Value>(name: string): KvBucket<Value> {
    return new JsonBucket<Value>(name, async (use) => {
      try {
        return await use(await this.#open(name));
      } catch (error) {
        // The bucket may have been deleted: reopen it on the next use. A conflict proves that it exists.
        if (!(error instanceof KvConflictError)) this.#buckets.delete(name);
        throw error;
      }
    });
  }

  #open(name: string): Promise<KV> {
    let bucket = this.#buckets.get(name);
    if (!bucket) {
      bucket = this.replicas === undefined ? openBucket(this.nc, name) : this.#create(name, this.replicas);
      bucket.catch(() => this.#buckets.delete(name)); // the next use retries
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  #create(name: string, replicas: number): Promise<KV> {
    const kvm = new Kvm(this.nc);
    return kvm.create(name, { history: 1, replicas }).catch(() => kvm.open(name));
  }
}

type Use = <Result>(use: (kv: KV) => Promise<Result>) => Promise<Result>;

class JsonBucket<Value> implements KvBucket<Value> {
  constructor(readonly name: string, readonly use: Use) {}

  async get(key: string): Promise<KvEntry<Value> | undefined> {
    checkKvKey(this.name, key);
    const entry = await this.use((kv) => kv.get(key));
    if (entry === null || entry.operation !== "PUT") return undefined;
    return { key, value: entry.json<Value>(), revision: entry.revision };
  }

  put(key: string, value: Value): Promise<number> {
    return this.#write(key, value, (kv, json) => kv.put(key, json));
  }

  create(key: string, value: Value): Promise<number> {
    return this.#write(key, value, (kv, json) => kv.create(key, json));
  }

  update(key: string, value: Value, revision: number): Promise<number> {
    return this.#write(key, value, (kv, json) => kv.update(key, json, revision));
  }

  async delete(key: string): Promise<void> {
    checkKvKey(this.name, key); // the client would delete every key that matches a pattern
    await this.use((kv) => kv.delete(key));
  }

  /** @throws {KvConflictError} when the key has another revision. */
  async #write(key: string, value: Value, write: (kv: KV, json: string) => Promise<number>): Promise<number> {
    const json = kvJson(this.name, key, value);
    return await this.use(async (kv) => {
      try {
        return await write(kv, json);
      } catch (error) {
        const conflict = error instanceof JetStreamApiError && isWrongLastSequence(error.code);
        throw conflict ? new KvConflictError(this.name, key, { cause: error }) : error;
      }
    });
  }
}
