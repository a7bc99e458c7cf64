import { type Duration, DURATION_HELP, parseDuration } from "../core/duration.ts";

/**
 * Thrown by a handler when a retry cannot help: the event becomes a dead letter with the reason `rejected`, at once.
 *
 * @example
 * ```ts
 * import { NonRetryableError } from "weir";
 *
 * const rejected = new NonRetryableError("the card was stolen", { cause: new Error("402") });
 * ```
 */
export class NonRetryableError extends Error {
  /** Name of the error in logs, spans and dead letters. */
  override readonly name = "NonRetryableError";
  /** Kind of the error, for programs. */
  readonly code = "non-retryable";
}

/**
 * Thrown by a handler that knows when to retry: the delay replaces the backoff. It uses up an attempt like any other
 * failure.
 *
 * @throws {TypeError} if the delay is not a duration
 *
 * @example
 * ```ts
 * import { RetryAfterError } from "weir";
 *
 * const busy = new RetryAfterError("30s", "the payment service is busy");
 * ```
 */
export class RetryAfterError extends Error {
  /** Name of the error in logs, spans and dead letters. */
  override readonly name = "RetryAfterError";
  /** Kind of the error, for programs. */
  readonly code = "retry-after";
  /** Delay, in milliseconds. */
  readonly delayMs: number;

  /** Takes the delay, in milliseconds or as text. */
  constructor(delay: Duration, message = `retry after ${delay}`, options?: ErrorOptions) {
    super(message, options);
    const delayMs = parseDuration(delay);
    if (delayMs === undefined) {
      throw new TypeError(`RetryAfterError: ${JSON.stringify(delay)} is not a delay; give ${DURATION_HELP}`);
    }
    this.delayMs = delayMs;
  }
}

/**
 * Thrown by `ctx.dependency(name).call()` while the breaker of that dependency is open. If the handler does not catch it,
 * the event is retried once the breaker may close, and no attempt is used up.
 *
 * @example
 * ```ts
 * import { DependencyOpenError, type HandlerContext } from "weir";
 *
 * // While the bank is down an older rate is good enough.
 * export async function rate(ctx: HandlerContext, older: number): Promise<number> {
 *   try {
 *     return await ctx.dependency("Bank").call(async (signal) => Number(await (await fetch("http://bank", { signal })).text()));
 *   } catch (error) {
 *     if (error instanceof DependencyOpenError) return older;
 *     throw error;
 *   }
 * }
 * ```
 */
export class DependencyOpenError extends Error {
  /** Name of the error in logs, spans and dead letters. */
  override readonly name = "DependencyOpenError";
  /** Kind of the error, for programs. */
  readonly code = "dependency-open";

  /** Created by the runtime. */
  constructor(
    /** Name of the dependency. */
    readonly dependency: string,
    /** Time at which the breaker may let a call through, in milliseconds since 1970. */
    readonly retryAtMs: number,
  ) {
    super(`the breaker of dependency ${dependency} is open`);
  }
}

/**
 * Thrown by `create` and `update` of a KV bucket when another writer has written the key.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { KvConflictError } from "weir";
 * import { MemoryKvStore } from "weir/testing";
 *
 * const orders = new MemoryKvStore().bucket("orders");
 * await orders.create("o1", "reserved");
 * await assert.rejects(orders.create("o1", "reserved"), KvConflictError);
 * ```
 */
export class KvConflictError extends Error {
  /** Name of the error in logs, spans and dead letters. */
  override readonly name = "KvConflictError";
  /** Kind of the error, for programs. */
  readonly code = "kv-conflict";

  /** Created by the bucket. */
  constructor(
    /** Name of the bucket. */
    readonly bucket: string,
    /** Key that another writer has written. */
    readonly key: string,
    options?: ErrorOptions,
  ) {
    super(`key ${key} of bucket ${bucket} was written by another writer in the meantime`, options);
  }
}
