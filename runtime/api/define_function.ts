import type { WeirEvent } from "../core/event.ts";
import type { Duration } from "../core/duration.ts";
import type { DecodeMode } from "../core/payload.ts";
import { BATCH_DEFAULTS, type BatchOptions } from "./batch.ts";
import type { AdaptiveConcurrency, KeyConcurrency } from "./concurrency_options.ts";
import type { HandlerContext } from "./context.ts";
import type { DebounceOptions } from "./debounce_options.ts";
import type { EventDefinition } from "./define_event.ts";
import type { ResourceDefinition } from "./define_resource.ts";
import { rememberPlace } from "./defined_at.ts";
import type { HandlerOf } from "./handler.ts";
import type { IdempotencyOptions } from "./idempotency_options.ts";
import type { OrderOptions } from "./order_options.ts";
import type { RateOptions } from "./rate_options.ts";
import type { EventOf, Trigger } from "./trigger.ts";

/** Policy of retries: exponential backoff. */
export interface RetryOptions {
  /**
   * Number of attempts in all, the first one included.
   *
   * @default {5}
   */
  readonly attempts?: number;
  /**
   * Delay after the first failure.
   *
   * @default {"250ms"}
   */
  readonly initial?: Duration;
  /**
   * Longest delay.
   *
   * @default {"1m"}
   */
  readonly max?: Duration;
  /**
   * Factor by which the delay grows after each failure.
   *
   * @default {2}
   */
  readonly factor?: number;
  /**
   * Randomness of the delays. `full` draws each delay from between zero and the backoff; `none` waits for the backoff
   * itself.
   *
   * @default {"full"}
   */
  readonly jitter?: "full" | "none";
}

/** Policy of a circuit breaker. */
export interface BreakerOptions {
  /**
   * Number of failures in a row that open the breaker.
   *
   * @default {10}
   */
  readonly consecutiveFailures?: number;
  /**
   * Longest time from the first of these failures to the last. A later failure begins a new row.
   *
   * @default {"1m"}
   */
  readonly interval?: Duration;
  /**
   * Time that the breaker stays open before it lets probes through.
   *
   * @default {"30s"}
   */
  readonly openFor?: Duration;
  /**
   * Number of probes that a half-open breaker admits. All of them must succeed to close it.
   *
   * @default {1}
   */
  readonly halfOpenProbes?: number;
  /**
   * Opens and closes the breaker in all processes together, through NATS KV: once it opens in one, it is open in all
   * within a second, and one process makes the probes for all. Costs nothing while it is closed.
   *
   * @default {false}
   */
  readonly shared?: boolean;
}

/** Options of {@linkcode defineFunction}. The defaults are in {@linkcode FUNCTION_DEFAULTS}. */
export interface FunctionOptions<
  On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[],
  Emits extends readonly EventDefinition[] = readonly EventDefinition[],
  Mode extends DecodeMode | undefined = DecodeMode | undefined,
  Batch extends BatchOptions | undefined = BatchOptions | undefined,
> {
  /**
   * Name of the function and of its durable consumer, also in logs, spans and metrics. Set it to the old name when you
   * rename the file, to keep the consumer and its backlog. Default: the name of the file.
   */
  readonly name?: string;
  /** Events that the function handles. */
  readonly on: On;
  /**
   * Events that it may emit.
   *
   * @default {[]}
   */
  readonly emits?: Emits;
  /**
   * Form of `event.data`, for a function whose triggers are all raw subject patterns: `json` is parsed, `text` must be
   * UTF-8, `bytes` are the payload as it is. An event of another form becomes a dead letter (`invalid`). Default: by
   * the content type, and JSON if there is none.
   */
  readonly decode?: Mode;
  /**
   * Returns whether the function handles an event, before each attempt. If it returns false, the event is acked without
   * a run, as `filtered`. If it throws, or returns anything else, the attempt has failed. Default: it handles every
   * event.
   */
  where?(event: EventOf<On, Mode>): boolean;
  /** Policy of retries. */
  readonly retry?: RetryOptions;
  /**
   * Longest duration of one attempt.
   *
   * @default {"20s"}
   */
  readonly timeout?: Duration;
  /**
   * Events, or batches with `batch`, that one process handles at once. How many it pulls ahead follows from how fast
   * events are handled. `{ limit, perKey, by }` is fair between keys, and `{ min, max, target }` follows the duration
   * of the handler.
   *
   * @default {16}
   */
  readonly concurrency?: number | KeyConcurrency<On, Mode> | AdaptiveConcurrency;
  /**
   * Handles the events of each key one at a time, in the order of their stream and over all processes. One process
   * handles the events of the function at a time, up to `concurrency` keys at once; another takes over when it ends.
   * Default: in any order.
   */
  readonly order?: OrderOptions<On, Mode>;
  /** Hands the events to the handler in batches, as `(events, ctx)`. Default: one by one. */
  readonly batch?: Batch;
  /**
   * Handles only the last event of a burst, once no other event of its key has come for a while. Default: all events.
   */
  readonly debounce?: DebounceOptions<On, Mode>;
  /**
   * Limits the starts of the handler over all processes. Events beyond the limit wait and use no attempt. Default: no
   * limit.
   */
  readonly rate?: RateOptions<On, Mode>;
  /**
   * Remembers handled events in NATS KV, so that no replica handles a redelivery, a redrive or a republish again. It
   * costs two writes an event.
   *
   * @default {false}
   */
  readonly idempotency?: boolean | IdempotencyOptions<On, Mode>;
  /**
   * Stored events with which the function begins on a stream that it has not listened to before: `all` of them, none
   * (`new`), or those of the last while (`{ since: "1h" }`). Later starts ignore the option: a function goes on where
   * it was. A stream that is a work queue allows only `all`.
   *
   * @default {"all"}
   */
  readonly from?: "all" | "new" | { readonly since: Duration };
  /** Greatest age of an event that is still handled. An older event becomes a dead letter. Default: no limit. */
  readonly maxAge?: Duration;
  /**
   * Longest chain of emitted events that the function continues. An event at the end of a longer chain becomes a dead
   * letter (`looped`). Without a limit, functions that emit each other's triggers would go on for ever.
   *
   * @default {50}
   */
  readonly maxHops?: number;
  /** Policy of the breaker around the handler itself. */
  readonly breaker?: BreakerOptions;
  /** Policies of the breakers of `ctx.dependency(name)`, by name. Default: as in {@linkcode FUNCTION_DEFAULTS}. */
  readonly dependencies?: Readonly<Record<string, BreakerOptions>>;
  /**
   * Resources without which the function cannot work: while the `check` of one of them fails, the function does not
   * pull, and its events wait in their stream.
   *
   * @default {[]}
   */
  readonly needs?: readonly ResourceDefinition[];
}

/** A function, as {@linkcode defineFunction} returns it. */
export interface FunctionDefinition<
  On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[],
  Mode extends DecodeMode | undefined = DecodeMode | undefined,
  Batch extends BatchOptions | undefined = BatchOptions | undefined,
> {
  /** Distinguishes it from other exports. */
  readonly kind: "function";
  /** Options as they were given, without the defaults. */
  readonly options: FunctionOptions<On, readonly EventDefinition[], Mode, Batch>;
  /** Handler of the function, run once an attempt or batch. */
  readonly handler: (event: WeirEvent, ctx: HandlerContext) => unknown | Promise<unknown>;
}

/**
 * Defaults of a function's policy.
 *
 * @example
 * ```ts
 * import { defineFunction, FUNCTION_DEFAULTS } from "weir";
 *
 * export default defineFunction({
 *   on: "demo.asked",
 *   retry: { attempts: FUNCTION_DEFAULTS.retry.attempts * 2 },
 * }, () => {});
 * ```
 */
export const FUNCTION_DEFAULTS = {
  retry: { attempts: 5, initial: "250ms", max: "1m", factor: 2, jitter: "full" },
  timeout: "20s", // below SHUTDOWN_GRACE, so that a shutdown waits for a handler that began just before
  concurrency: 16,
  order: { onFailure: "block" },
  batch: BATCH_DEFAULTS,
  maxHops: 50,
  from: "all",
  idempotency: { ttl: "7d" },
  breaker: { consecutiveFailures: 10, interval: "1m", openFor: "30s", halfOpenProbes: 1, shared: false },
} as const satisfies {
  retry: Required<RetryOptions>;
  timeout: Duration;
  concurrency: number;
  order: Required<Pick<OrderOptions, "onFailure">>;
  batch: Required<Omit<BatchOptions, "size">> & { concurrency: number };
  maxHops: number;
  from: "all" | "new";
  idempotency: { ttl: Duration };
  breaker: Required<BreakerOptions>;
};

/**
 * Declares a function. Make it the default export of `functions/NAME.ts`; no other registration is needed.
 *
 * @example
 * ```ts
 * import { defineEvent, defineFunction } from "weir";
 * import { z } from "zod";
 *
 * const OrderCreated = defineEvent({ type: "orders.created", version: 1, data: z.object({ orderId: z.string() }) });
 * const StockReserved = defineEvent({ type: "stock.reserved", version: 1, data: z.object({ orderId: z.string() }) });
 *
 * const reserveStock = defineFunction({ on: OrderCreated, emits: [StockReserved] }, (event, ctx) => {
 *   ctx.emit(StockReserved, { orderId: event.data.orderId });
 * });
 * // export default reserveStock;
 * ```
 */
export function defineFunction<
  const On extends Trigger | readonly Trigger[],
  const Emits extends readonly EventDefinition[] = readonly [],
  const Mode extends DecodeMode | undefined = undefined,
  const Batch extends BatchOptions | undefined = undefined,
>(
  options: FunctionOptions<On, Emits, Mode, Batch>,
  handler: HandlerOf<On, Emits, Mode, Batch>,
): FunctionDefinition<On, Mode, Batch> {
  const run = handler as unknown as FunctionDefinition["handler"];
  const definition: FunctionDefinition<On, Mode, Batch> = { kind: "function", options, handler: run };
  rememberPlace(definition);
  return definition;
}
