import type { KvBucket, KvEntry } from "../api/context.ts";
import { KvConflictError } from "../api/errors.ts";
import type { KvStore } from "../engine/kv_store.ts";
import { checkKvKey, kvJson } from "../core/kv.ts";

/**
 * Key-value buckets in memory. Keys, revisions and conflicts behave as in NATS.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryKvStore } from "weir/testing";
 *
 * const kv = new MemoryKvStore({ inventory: { book: { onHand: 3 } } });
 * await kv.bucket("orders").put("o1", { status: "reserved" });
 * assert.deepEqual(kv.contents(), {
 *   inventory: { book: { onHand: 3 } },
 *   orders: { o1: { status: "reserved" } },
 * });
 * ```
 */
export class MemoryKvStore implements KvStore {
  readonly #buckets = new Map<string, MemoryBucket>();

  /** Creates a store. @param contents Initial values, by bucket and key. Default: none. */
  constructor(contents: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {}) {
    for (const [name, values] of Object.entries(contents)) {
      const bucket = this.#bucket(name);
      for (const [key, value] of Object.entries(values)) bucket.write(key, value);
    }
  }

  /** Returns the bucket of a name. It exists from the first write. */
  bucket<Value>(name: string): KvBucket<Value> {
    return this.#bucket(name) as unknown as KvBucket<Value>;
  }

  #bucket(name: string): MemoryBucket {
    let bucket = this.#buckets.get(name);
    if (!bucket) this.#buckets.set(name, bucket = new MemoryBucket(name));
    return bucket;
  }

  /** Returns every value, by bucket and key. */
  contents(): Record<string, Record<string, unknown>> {
    return Object.fromEntries(
      [...this.#buckets].map(([name, bucket]) => [name, bucket.contents()]).filter(([, values]) =>
        Object.keys(values).length > 0
      ),
    );
  }
}

class MemoryBucket implements KvBucket<unknown> {
  /** An entry without `json` is the marker of a deleted key. A marker has a revision of its own. */
  readonly #entries = new Map<string, { json: string | undefined; revision: number }>();
  #revision = 0;

  constructor(readonly name: string) {}

  contents(): Record<string, unknown> {
    const values = [...this.#entries].filter(([, { json }]) => json !== undefined);
    return Object.fromEntries(values.map(([key, { json }]) => [key, JSON.parse(json!)]));
  }

  #set(key: string, json: string | undefined): number {
    this.#entries.set(key, { json, revision: ++this.#revision });
    return this.#revision;
  }

  write(key: string, value: unknown): number {
    checkKvKey(this.name, key);
    return this.#set(key, kvJson(this.name, key, value));
  }

  // deno-lint-ignore require-await -- an invalid key rejects, as in production
  async get(key: string): Promise<KvEntry<unknown> | undefined> {
    checkKvKey(this.name, key);
    const entry = this.#entries.get(key);
    return entry?.json === undefined ? undefined : { key, value: JSON.parse(entry.json), revision: entry.revision };
  }

  // deno-lint-ignore require-await -- as above
  async put(key: string, value: unknown): Promise<number> {
    return this.write(key, value);
  }

  // deno-lint-ignore require-await -- as above
  async create(key: string, value: unknown): Promise<number> {
    checkKvKey(this.name, key);
    const json = kvJson(this.name, key, value);
    if (this.#entries.get(key)?.json !== undefined) throw new KvConflictError(this.name, key);
    return this.#set(key, json);
  }

  // deno-lint-ignore require-await -- as above
  async update(key: string, value: unknown, revision: number): Promise<number> {
    checkKvKey(this.name, key);
    const json = kvJson(this.name, key, value);
    if (revision <= 0) throw new Error("version must be greater than 0");
    if ((this.#entries.get(key)?.revision ?? 0) !== revision) throw new KvConflictError(this.name, key);
    return this.#set(key, json);
  }

  // deno-lint-ignore require-await -- as above
  async delete(key: string): Promise<void> {
    checkKvKey(this.name, key);
    this.#set(key, undefined);
  }
}
