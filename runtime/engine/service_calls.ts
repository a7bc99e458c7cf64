import type { KvBucket } from "../api/context.ts";
import { errorsIn, isA } from "../core/error_detail.ts";

/**
 * Error of a service that Weir gives to handlers, such as a key-value bucket. Any other event would have met the same
 * error, so it uses up no attempt and counts for no breaker.
 */
export class ServiceUnavailableError extends Error {
  override readonly name = "ServiceUnavailableError";
  readonly code = "service-unavailable";
}

/** Error of an attempt whose function needs a resource that cannot be used now. */
export class ResourceUnavailableError extends Error {
  override readonly name = "ResourceUnavailableError";
  readonly code = "resource-unavailable";
}

/** Returns whether an unavailable service caused a thrown value, also through causes and aggregates. */
export function isServiceUnavailable(thrown: unknown): boolean {
  return errorsIn(thrown).some((error) => isA(error, ServiceUnavailableError));
}

/**
 * Milliseconds after which a call to NATS counts as unanswered. An answer usually takes a few milliseconds. If an
 * attempt fails or times out while a call is unanswered, the service is to blame, and the attempt is not used up.
 */
const UNANSWERED_MS = 1_000;

/** Calls of one attempt to Weir's services that are under way. */
export class ServiceCalls {
  readonly #underWay = new Set<{ readonly service: string; readonly sinceMs: number }>();

  constructor(readonly now: () => number) {}

  /** Returns a bucket whose calls are tracked. */
  bucket<Value>(name: string, bucket: KvBucket<Value>): KvBucket<Value> {
    const track = async <Result>(key: string, call: () => Promise<Result>): Promise<Result> => {
      const underWay = { service: `kv bucket "${name}", key "${key}"`, sinceMs: this.now() };
      this.#underWay.add(underWay);
      try {
        return await call();
      } finally {
        this.#underWay.delete(underWay);
      }
    };
    return {
      get: (key) => track(key, () => bucket.get(key)),
      put: (key, value) => track(key, () => bucket.put(key, value)),
      create: (key, value) => track(key, () => bucket.create(key, value)),
      update: (key, value, revision) => track(key, () => bucket.update(key, value, revision)),
      delete: (key) => track(key, () => bucket.delete(key)),
    };
  }

  /**
   * Names a service that does not answer; undefined if all do.
   *
   * @param timeoutMs Timeout of the attempt. A call counts as unanswered after half of the timeout at the latest.
   */
  unanswered(timeoutMs: number): string | undefined {
    const latestMs = this.now() - Math.min(UNANSWERED_MS, timeoutMs / 2);
    return this.#underWay.values().find(({ sinceMs }) => sinceMs <= latestMs)?.service;
  }
}
