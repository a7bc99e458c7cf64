import type { KvBucket, KvEntry } from "../authoring/context.ts";
import { KvConflictError } from "../authoring/errors.ts";
import type { KvStore } from "../flow/ports.ts";

/** Key-value buckets in memory, with the revisions and conflicts of the real ones. */
export class MemoryKvStore implements KvStore {
  readonly #buckets = new Map<string, MemoryBucket>();

  /** The bucket of that name. */
  bucket<Value>(name: string): KvBucket<Value> {
    let bucket = this.#buckets.get(name);
    if (!bucket) this.#buckets.set(name, bucket = new MemoryBucket(name));
    return bucket as unknown as KvBucket<Value>;
  }
}

class MemoryBucket implements KvBucket<unknown> {
  readonly #entries = new Map<string, { json: string; revision: number }>();
  #revision = 0;

  constructor(readonly name: string) {}

  /** NATS takes these characters in a key, and nothing else. */
  #check(key: string): void {
    if (!/^[-/_=.a-zA-Z0-9]+$/.test(key) || key.startsWith(".") || key.endsWith(".")) {
      throw new Error(`invalid key: ${key}`);
    }
  }

  // deno-lint-ignore require-await -- a wrong key rejects, as with the real one
  async get(key: string): Promise<KvEntry<unknown> | undefined> {
    this.#check(key);
    const entry = this.#entries.get(key);
    return entry && { key, value: JSON.parse(entry.json), revision: entry.revision };
  }

  // deno-lint-ignore require-await -- as above
  async put(key: string, value: unknown): Promise<number> {
    this.#check(key);
    this.#entries.set(key, { json: JSON.stringify(value), revision: ++this.#revision });
    return this.#revision;
  }

  create(key: string, value: unknown): Promise<number> {
    return this.#entries.has(key) ? this.#conflict(key) : this.put(key, value);
  }

  update(key: string, value: unknown, revision: number): Promise<number> {
    return (this.#entries.get(key)?.revision ?? 0) === revision ? this.put(key, value) : this.#conflict(key);
  }

  delete(key: string): Promise<void> {
    this.#entries.delete(key);
    this.#revision++;
    return Promise.resolve();
  }

  #conflict(key: string): Promise<never> {
    return Promise.reject(new KvConflictError(this.name, key));
  }
}
