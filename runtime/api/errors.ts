import { type Duration, DURATION_HELP, parseDuration } from "../core/duration.ts";

/**
 * Throw it when trying again cannot help: the event goes to the dead letters as `rejected`, at once.
 *
 * @example
 * ```ts
 * import { NonRetryableError } from "weir";
 *
 * const rejected = new NonRetryableError("the card was stolen", { cause: new Error("402") });
 * ```
 */
export class NonRetryableError extends Error {
  /** What it is called in logs, spans and dead letters. */
  override readonly name = "NonRetryableError";
}

/**
 * Throw it when the other side said when to come back: the event is retried after that delay, in milliseconds
 * or as text, in place of the backoff. It uses up an attempt like any other failure.
 *
 * @throws {TypeError} when the delay is not a duration.
 *
 * @example
 * ```ts
 * import { RetryAfterError } from "weir";
 *
 * const busy = new RetryAfterError("30s", "the payment service asked for patience");
 * ```
 */
export class RetryAfterError extends Error {
  /** What it is called in logs, spans and dead letters. */
  override readonly name = "RetryAfterError";
  /** The wait, in milliseconds. */
  readonly delayMs: number;

  /** Takes the wait, in milliseconds or as text. */
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
 * Thrown by `ctx.dependency(name).call()` while that dependency's breaker is open. Left to pass through the
 * handler, the event is retried once the breaker may close, and no attempt is used up.
 *
 * @example
 * ```ts
 * import { DependencyOpenError, type HandlerContext } from "weir";
 *
 * // Without the bank there is an older rate: nothing to wait for.
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
  /** What it is called in logs, spans and dead letters. */
  override readonly name = "DependencyOpenError";

  /** Made by the runtime. */
  constructor(
    /** The dependency's name. */
    readonly dependency: string,
    /** When the breaker may let a call through: milliseconds since 1970. */
    readonly retryAtMs: number,
  ) {
    super(`the breaker of dependency ${dependency} is open`);
  }
}

/**
 * Thrown by a KV bucket's `create` and `update` when somebody else wrote the key first.
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
  /** What it is called in logs, spans and dead letters. */
  override readonly name = "KvConflictError";

  /** Made by the bucket. */
  constructor(
    /** The bucket. */
    readonly bucket: string,
    /** The key that was written by someone else. */
    readonly key: string,
    options?: ErrorOptions,
  ) {
    super(`key ${key} of bucket ${bucket} was written by someone else in the meantime`, options);
  }
}
