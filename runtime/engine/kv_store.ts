import type { KvBucket } from "../api/context.ts";

export interface KvStore {
  /** Returns the bucket of that name; the first use creates it if needed. */
  bucket<Value>(name: string): KvBucket<Value>;
}
