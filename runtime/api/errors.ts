import { type Duration, DURATION_HELP, formatDuration, parseDuration } from "../core/duration.ts";
import { valueText } from "../core/error_detail.ts";
import { parseRetryAfter, type RetryAfter, retryAfterIn } from "../core/retry_after_header.ts";

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
 * Time to wait: a duration, a date, the value of a `Retry-After` header, or a response with that header. The backoff
 * decides if the value is null, or if the response has no readable header of that name.
 */
// Not `string`, which would absorb the durations: an editor would complete none.
type RetryDelay = Duration | Date | (string & Record<never, never>) | null | {
  readonly headers: { get(name: string): string | null };
};

/**
 * Thrown by a handler that knows when to retry: the delay replaces the backoff. It uses up an attempt like any other
 * failure.
 *
 * @throws {TypeError} if the delay is none of the above
 *
 * @example
 * ```ts
 * import { RetryAfterError } from "weir";
 *
 * const busy = new RetryAfterError("30s", "the payment service is busy");
 *
 * async function charge(order: string): Promise<void> {
 *   const response = await fetch("http://payments/charges", { method: "POST", body: order });
 *   await response.body?.cancel();
 *   if (response.status === 429) throw new RetryAfterError(response); // its `Retry-After`, else the backoff
 * }
 * ```
 */
export class RetryAfterError extends Error {
  /** Name of the error in logs, spans and dead letters. */
  override readonly name = "RetryAfterError";
  /** Kind of the error, for programs. */
  readonly code = "retry-after";
  /** Delay, in milliseconds. Undefined for a date, and where the backoff decides. */
  readonly delayMs: number | undefined;
  /** Time of the retry, in milliseconds since 1970. Undefined unless a date was given. */
  readonly atMs: number | undefined;

  /** Takes the delay: a number is milliseconds, and text of digits alone seconds, as in the header. */
  constructor(delay: RetryDelay, message?: string, options?: ErrorOptions) {
    const after = delay === null ? undefined : retryAfter(delay);
    super(message ?? `retry after ${textOf(delay, after)}`, options);
    this.delayMs = after && "delayMs" in after ? after.delayMs : undefined;
    this.atMs = after && "atMs" in after ? after.atMs : undefined;
  }
}

function retryAfter(delay: NonNullable<RetryDelay>): RetryAfter | undefined {
  if (delay instanceof Date && !Number.isNaN(delay.getTime())) return { atMs: delay.getTime() };
  if (typeof delay === "object" && "headers" in delay && typeof delay.headers?.get === "function") {
    return retryAfterIn(delay.headers);
  }
  const delayMs = parseDuration(delay);
  const after = delayMs !== undefined ? { delayMs } : typeof delay === "string" ? parseRetryAfter(delay) : undefined;
  if (after) return after;
  throw new TypeError(
    `RetryAfterError: ${
      typeof delay === "string" ? JSON.stringify(delay) : valueText(delay)
    } is not a delay; give ${DURATION_HELP}, a date, the value of a ` +
      "Retry-After header, or a response",
  );
}

function textOf(delay: RetryDelay, after: RetryAfter | undefined): string {
  if (!after) return "the backoff";
  if ("atMs" in after) return new Date(after.atMs).toISOString();
  return String(typeof delay === "object" || /^[\d.]+$/.test(`${delay}`) ? formatDuration(after.delayMs) : delay);
}

/**
 * Thrown by `ctx.dependency(name).call()` while the breaker of that dependency is open. If the handler does not catch
 * it, the event is retried once the breaker may close, and no attempt is used up.
 *
 * @example
 * ```ts
 * import { DependencyOpenError, type HandlerContext } from "weir";
 *
 * // While the bank is down an older rate is good enough.
 * export async function rate(ctx: HandlerContext, older: number): Promise<number> {
 *   try {
 *     return await ctx.dependency("Bank").call(async (signal) => {
 *       return Number(await (await fetch("http://bank", { signal })).text());
 *     });
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
