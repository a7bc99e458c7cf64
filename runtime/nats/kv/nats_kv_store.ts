import { type KV, Kvm } from "@nats-io/kv";
import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { KvBucket, KvEntry } from "../../api/context.ts";
import { KvConflictError } from "../../api/errors.ts";
import type { KvStore } from "../../engine/kv_store.ts";
import { kvJson } from "../../core/kv_json.ts";
import { checkKvKey } from "../../core/kv_key.ts";
import { missingBucket, openBucket } from "./bucket.ts";
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
      bucket = this.replicas === undefined ? this.#openExisting(name) : this.#create(name, this.replicas);
      bucket.catch(() => this.#buckets.delete(name)); // the next use retries
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  #create(name: string, replicas: number): Promise<KV> {
    const kvm = new Kvm(this.nc);
    return kvm.create(name, { history: 1, replicas }).catch(() => kvm.open(name));
  }

  async #openExisting(name: string): Promise<KV> {
    const kv = await openBucket(this.nc, await jetstreamManager(this.nc, { checkAPI: false }), name);
    if (!kv) throw missingBucket(name);
    return kv;
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

  async put(key: string, value: Value): Promise<number> {
    checkKvKey(this.name, key);
    const json = kvJson(this.name, key, value);
    return await this.use((kv) => kv.put(key, json));
  }

  async create(key: string, value: Value): Promise<number> {
    checkKvKey(this.name, key);
    const json = kvJson(this.name, key, value);
    return await this.#unlessConflict(key, (kv) => kv.create(key, json));
  }

  async update(key: string, value: Value, revision: number): Promise<number> {
    checkKvKey(this.name, key);
    const json = kvJson(this.name, key, value);
    return await this.#unlessConflict(key, (kv) => kv.update(key, json, revision));
  }

  async delete(key: string): Promise<void> {
    checkKvKey(this.name, key); // the client would delete every key that matches a pattern
    await this.use((kv) => kv.delete(key));
  }

  #unlessConflict(key: string, write: (kv: KV) => Promise<number>): Promise<number> {
    return this.use(async (kv) => {
      try {
        return await write(kv);
      } catch (error) {
        const conflict = error instanceof JetStreamApiError && isWrongLastSequence(error.code);
        throw conflict ? new KvConflictError(this.name, key, { cause: error }) : error;
      }
    });
  }
}
