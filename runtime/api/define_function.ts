import type { z } from "zod";
import type { WeirEvent } from "../core/event.ts";
import type { Duration } from "../core/duration.ts";
import type { EmittingContext, HandlerContext } from "./context.ts";
import type { EventDefinition } from "./define_event.ts";
import type { EventOfType, KnownType } from "./schema_files.ts";

/**
 * What wakes a function: an event, its type as text, such as `orders.created`, or a raw subject pattern such as
 * `legacy.>`, whose data stays unchecked.
 *
 * @example
 * ```ts
 * import { defineEvent, defineFunction, type Trigger } from "weir";
 * import { z } from "zod";
 *
 * const Paid = defineEvent({ type: "demo.paid", version: 1, data: z.object({ total: z.int() }) });
 * const on = [Paid, "legacy.payments.>"] as const satisfies readonly Trigger[];
 *
 * export default defineFunction({ on }, ({ type }, ctx) => ctx.log.info(`paid by ${type}`));
 * ```
 */
// A `string` as such would swallow the known types, and nothing would complete.
export type Trigger = EventDefinition | KnownType | (string & Record<never, never>);

/**
 * The event type that a trigger, or a list of them, delivers.
 *
 * @example
 * ```ts
 * import { defineEvent, type EventOf } from "weir";
 * import { z } from "zod";
 *
 * const Paid = defineEvent({ type: "demo.paid", version: 1, data: z.object({ total: z.int() }) });
 *
 * export function euros({ data }: EventOf<typeof Paid>): string {
 *   return (data.total / 100).toFixed(2);
 * }
 * ```
 */
export type EventOf<On> = On extends EventDefinition<infer Type, infer Schema> ? WeirEvent<Type, z.output<Schema>>
  : On extends KnownType ? EventOf<EventOfType<On>>
  : On extends string ? WeirEvent<string, unknown>
  : On extends readonly (infer One)[] ? EventOf<One>
  : never;

/**
 * How failed attempts are repeated: exponential backoff.
 *
 * @example
 * ```ts
 * import { defineFunction, type RetryOptions } from "weir";
 *
 * const patient: RetryOptions = { attempts: 20, initial: "1s", max: "1h" };
 *
 * export default defineFunction({ on: "demo.asked", retry: patient }, () => {});
 * ```
 */
export interface RetryOptions {
  /** Attempts in all, the first one included. */
  readonly attempts?: number;
  /** The wait after the first failure. */
  readonly initial?: Duration;
  /** The longest wait. */
  readonly max?: Duration;
  /** What the wait is multiplied by after each failure. */
  readonly factor?: number;
  /** `full` spreads each wait evenly between nothing and itself. */
  readonly jitter?: "full" | "none";
}

/**
 * When a circuit breaker trips and how it recovers.
 *
 * @example
 * ```ts
 * import { type BreakerOptions, defineFunction } from "weir";
 *
 * const touchy: BreakerOptions = { consecutiveFailures: 3, openFor: "1m" };
 *
 * export default defineFunction({ on: "demo.asked", dependencies: { Bank: touchy } }, async (_event, ctx) => {
 *   await ctx.dependency("Bank").call((signal) => fetch("http://bank/rates", { signal }));
 * });
 * ```
 */
export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly consecutiveFailures?: number;
  /** Failures count as one run only within this time. */
  readonly interval?: Duration;
  /** How long it stays open before it lets probes through. */
  readonly openFor?: Duration;
  /** How many probes a half-open breaker lets through, and how many must succeed to close it. */
  readonly halfOpenProbes?: number;
}

/**
 * How a function remembers which events it has handled.
 *
 * @example
 * ```ts
 * import { defineEvent, defineFunction, type IdempotencyOptions } from "weir";
 * import { z } from "zod";
 *
 * const Paid = defineEvent({ type: "demo.paid", version: 1, data: z.object({ orderId: z.string() }) });
 * // Once for each order, however many events tell of it.
 * const idempotency: IdempotencyOptions<typeof Paid> = { key: ({ data }) => data.orderId, ttl: "30d" };
 *
 * export default defineFunction({ on: Paid, idempotency }, () => {});
 * ```
 */
export interface IdempotencyOptions<On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[]> {
  /** What names an event, such as an order's number. Default: its source and id, as CloudEvents identify it. */
  key?(event: EventOf<On>): string;
  /** How long a handled event is remembered: one second at the least. */
  readonly ttl?: Duration;
}

/**
 * What {@linkcode defineFunction} takes. Anything left out is as in {@linkcode FUNCTION_DEFAULTS}.
 *
 * @example
 * ```ts
 * import { defineFunction, type FunctionOptions } from "weir";
 *
 * // What all functions that call a slow service have in common.
 * const slow = { timeout: "2m", concurrency: 2, retry: { attempts: 10 } } satisfies Partial<FunctionOptions>;
 *
 * export default defineFunction({ on: "demo.asked", ...slow }, () => {});
 * ```
 */
export interface FunctionOptions<
  On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[],
  Emits extends readonly EventDefinition[] = readonly EventDefinition[],
> {
  /** What wakes it. */
  readonly on: On;
  /** The events it may emit. */
  readonly emits?: Emits;
  /** How failed attempts are repeated. */
  readonly retry?: RetryOptions;
  /** How long one attempt may take. */
  readonly timeout?: Duration;
  /** How many events one process handles at once. */
  readonly concurrency?: number;
  /**
   * Remembers handled events in NATS KV, so that a redelivery, a redrive or a republish is not handled again, also by
   * another replica at the same time. Default: false, since it costs two writes an event.
   */
  readonly idempotency?: boolean | IdempotencyOptions<On>;
  /** Events older than this are not handled any more but end in the dead letters. Default: no limit. */
  readonly maxAge?: Duration;
  /** The breaker around the handler itself. */
  readonly breaker?: BreakerOptions;
  /** Breakers of the things it calls through `ctx.dependency(name)`, where the default will not do. */
  readonly dependencies?: Readonly<Record<string, BreakerOptions>>;
}

/**
 * Handles one event. What it returns is ignored; throwing means failure.
 *
 * @example
 * ```ts
 * import { defineEvent, defineFunction, type Handler } from "weir";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
 * const Greeted = defineEvent({ type: "demo.greeted", version: 1, data: z.object({ text: z.string() }) });
 *
 * const greet: Handler<typeof Asked, readonly [typeof Greeted]> = ({ data }, ctx) => {
 *   ctx.emit(Greeted, { text: `Hello ${data.name}` });
 * };
 * export default defineFunction({ on: Asked, emits: [Greeted] }, greet);
 * ```
 */
export type Handler<On, Emits extends readonly EventDefinition[]> = (
  event: EventOf<On>,
  ctx: EmittingContext<Emits>,
) => unknown | Promise<unknown>;

/**
 * A function, as {@linkcode defineFunction} returns it. Its name is its file's.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction, type FunctionDefinition } from "weir";
 *
 * const ping: FunctionDefinition = defineFunction({ on: "demo.asked", timeout: "5s" }, () => {});
 * assert.deepEqual([ping.options.on, ping.options.timeout], ["demo.asked", "5s"]);
 * ```
 */
export interface FunctionDefinition<On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[]> {
  /** What tells it from other exports. */
  readonly kind: "function";
  /** As they were given: the defaults are filled in when it is loaded. */
  readonly options: FunctionOptions<On>;
  /** Runs once for every attempt. */
  readonly handler: (event: WeirEvent, ctx: HandlerContext) => unknown | Promise<unknown>;
}

/**
 * Every default of a function's policy.
 *
 * @example
 * ```ts
 * import { defineFunction, FUNCTION_DEFAULTS } from "weir";
 *
 * const retry = { attempts: FUNCTION_DEFAULTS.retry.attempts * 2 };
 *
 * export default defineFunction({ on: "demo.asked", retry }, () => {});
 * ```
 */
export const FUNCTION_DEFAULTS = {
  retry: { attempts: 5, initial: "250ms", max: "1m", factor: 2, jitter: "full" },
  timeout: "30s",
  concurrency: 16,
  idempotency: { ttl: "7d" },
  breaker: { consecutiveFailures: 10, interval: "1m", openFor: "30s", halfOpenProbes: 1 },
} as const satisfies {
  retry: Required<RetryOptions>;
  timeout: Duration;
  concurrency: number;
  idempotency: { ttl: Duration };
  breaker: Required<BreakerOptions>;
};

/**
 * Declares a function. Make it the default export of `functions/NAME.ts`; nothing else registers it.
 *
 * @example
 * ```ts
 * import { defineEvent, defineFunction } from "weir";
 * import { z } from "zod";
 *
 * const OrderCreated = defineEvent({ type: "orders.created", version: 1, data: z.object({ orderId: z.string() }) });
 * const StockReserved = defineEvent({ type: "stock.reserved", version: 1, data: z.object({ orderId: z.string() }) });
 *
 * export default defineFunction({ on: OrderCreated, emits: [StockReserved] }, (event, ctx) => {
 *   ctx.emit(StockReserved, { orderId: event.data.orderId });
 * });
 * ```
 */
export function defineFunction<
  const On extends Trigger | readonly Trigger[],
  const Emits extends readonly EventDefinition[] = readonly [],
>(options: FunctionOptions<On, Emits>, handler: Handler<On, Emits>): FunctionDefinition<On> {
  return { kind: "function", options, handler: handler as unknown as FunctionDefinition["handler"] };
}
