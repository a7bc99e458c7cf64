import { type KV, Kvm } from "@nats-io/kv";
import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { KvBucket, KvEntry } from "../../api/context.ts";
import { KvConflictError } from "../../api/errors.ts";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { KvStore } from "../../engine/kv_store.ts";
import { ServiceUnavailableError } from "../../engine/service_calls.ts";
import { checkKvKey, kvJson } from "../../core/kv.ts";
import { openBucket } from "./bucket.ts";
import { isWrongLastSequence, JETSTREAM_CODES } from "../client/error_codes.ts";
import { markOf, ownerProblem } from "../topology/owner.ts";
import { isUnavailable } from "../client/is_unavailable.ts";
import { jetstreamOn } from "../client/subject_prefixes.ts";
import { refusalError } from "../publish/publish_error.ts";

/** Opens NATS key-value buckets that hold JSON. A bucket is created when it is first used. */
export class NatsKvStore implements KvStore {
  readonly #buckets = new Map<string, Promise<KV>>();

  /**
   * @param replicas Replicas of a new bucket. Default: a missing bucket is an error.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly nc: NatsConnection,
    readonly replicas: number | undefined,
    readonly names: Namespace = NO_NAMESPACE,
  ) {}

  bucket<Value>(name: string): KvBucket<Value> {
    return new JsonBucket<Value>(name, async (key, use) => {
      try {
        return await use(await this.#open(name));
      } catch (error) {
        if (error instanceof KvConflictError) throw error;
        this.#buckets.delete(name); // it may have been deleted: reopen it on the next use
        const { message } = error as Error, place = `kv bucket "${name}", key "${key}"`;
        if (!isBlameless(error)) throw new Error(`${place}: ${message}`, { cause: error });
        const answered = error instanceof JetStreamApiError || !isUnavailable(error);
        const why = answered ? message : `NATS does not answer: ${message}`;
        throw new ServiceUnavailableError(`${place}: ${why}`, { cause: error });
      }
    });
  }

  #open(name: string): Promise<KV> {
    let bucket = this.#buckets.get(name);
    if (!bucket) {
      const { nc, replicas } = this, stored = this.names.bucket(name);
      bucket = replicas === undefined ? openBucket(nc, stored, this.names) : this.#create(stored, replicas);
      bucket.catch(() => this.#buckets.delete(name)); // the next use retries
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  async #create(name: string, replicas: number): Promise<KV> {
    const kvm = new Kvm(jetstreamOn(this.nc)), metadata = markOf(this.names);
    const kv = await kvm.create(name, { history: 1, replicas, metadata }).catch(() => kvm.open(name));
    if (!metadata) return kv;
    // The owner of an existing bucket without a mark is unknown. A project may use the bucket, and puts no mark on it.
    const problem = ownerProblem((await kv.status()).metadata, this.names);
    if (problem) throw new Error(problem);
    return kv;
  }
}

/** Returns whether an error says nothing about the call: another key or value would have failed as well. */
function isBlameless(error: unknown): boolean {
  if (error instanceof ServiceUnavailableError || isUnavailable(error)) return true;
  if ([error, (error as Error).cause].some((one) => one instanceof errors.PermissionViolationError)) return true;
  if (!(error instanceof JetStreamApiError)) return false;
  const { code: err_code, status: code, message: description } = error;
  if (err_code === JETSTREAM_CODES.streamNotFound) return true;
  return refusalError("", undefined, { code, err_code, description })?.transient ?? true;
}

type Use = <Result>(key: string, use: (kv: KV) => Promise<Result>) => Promise<Result>;

class JsonBucket<Value> implements KvBucket<Value> {
  constructor(readonly name: string, readonly use: Use) {}

  async get(key: string): Promise<KvEntry<Value> | undefined> {
    checkKvKey(this.name, key);
    const entry = await this.use(key, (kv) => kv.get(key));
    if (entry === null || entry.operation !== "PUT") return undefined;
    try {
      return { key, value: entry.json<Value>(), revision: entry.revision };
    } catch (cause) {
      throw new TypeError(`kv bucket "${this.name}", key "${key}": the value is no JSON`, { cause });
    }
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
    await this.use(key, (kv) => kv.delete(key));
  }

  /** @throws {KvConflictError} when the key has another revision. */
  async #write(key: string, value: Value, write: (kv: KV, json: string) => Promise<number>): Promise<number> {
    const json = kvJson(this.name, key, value);
    return await this.use(key, async (kv) => {
      try {
        return await write(kv, json);
      } catch (error) {
        const conflict = error instanceof JetStreamApiError && isWrongLastSequence(error.code);
        throw conflict ? new KvConflictError(this.name, key, { cause: error }) : error;
      }
    });
  }
}
