import type { KvBucket } from "../api/context.ts";

/** Opens key-value buckets. */
export interface KvStore {
  /** Returns the bucket of that name; the first use creates it if needed. */
  bucket<Value>(name: string): KvBucket<Value>;
}
