import { z } from "zod";
import type { WeirEvent } from "../core/event.ts";
import type { RateLimitPolicy } from "../core/rate_window.ts";
import type { RetryPolicy } from "../core/backoff.ts";
import type { BatchPolicy } from "../core/batch.ts";
import type { BreakerPolicy } from "../core/breaker.ts";
import { parseDuration } from "../core/duration.ts";
import { DECODE_MODES, type DecodeMode } from "../core/payload.ts";
import {
  CHECKED_ONCE,
  countSchema as count,
  describeValue,
  durationSchema,
  optionProblems,
  syncFunction,
} from "./option_schemas.ts";
import { BATCH_OPTIONS, batchConflict, batchSchema } from "./batch_policy.ts";
import {
  CONCURRENCY_OPTIONS,
  concurrencyConflict,
  type ConcurrencyPolicy,
  concurrencySchema,
} from "./concurrency_policy.ts";
import { breakerSchema, retrySchema } from "./failure_policy.ts";
import { ORDER_OPTIONS, orderConflict, type OrderPolicy, orderSchema } from "./order_policy.ts";
import { FUNCTION_DEFAULTS, type FunctionOptions } from "../api/define_function.ts";

/** Idempotency key of an event, and the time that a handled event is remembered. */
export interface IdempotencyPolicy {
  readonly ttlMs: number;
  readonly key?: (event: WeirEvent) => string;
}

/** Limit of the starts of a function, or of each key of its events. */
export interface RatePolicy extends RateLimitPolicy {
  readonly by?: (event: WeirEvent) => string;
}

/** The quiet time after which the last event of a burst is handled. */
export interface DebouncePolicy {
  readonly quietMs: number;
  /** Default: no limit. */
  readonly maxMs?: number;
  readonly by?: (event: WeirEvent) => string;
}

/** The stored events with which a function begins on a stream that is new to it. */
export type Beginning = "all" | "new" | { readonly sinceMs: number };

/** Options of a function with every default, and every duration in milliseconds. */
export interface FunctionPolicy {
  /** Undefined if the data is decoded by its content type. */
  readonly decode?: DecodeMode;
  /** Undefined if every event is handled. */
  readonly where?: (event: WeirEvent) => boolean;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  /** Events, or batches with `batch`, that one process handles at once at the most. */
  readonly concurrency: number;
  /** Undefined if keys have no shares in the concurrency. */
  readonly shares?: ConcurrencyPolicy["shares"];
  /** Undefined if the concurrency is fixed. */
  readonly adaptive?: ConcurrencyPolicy["adaptive"];
  /** Undefined if events are handled in any order. */
  readonly order?: OrderPolicy;
  /** Undefined if events are handled one by one. */
  readonly batch?: BatchPolicy;
  readonly maxHops: number;
  readonly from: Beginning;
  readonly maxAgeMs: number | undefined;
  /** Undefined if every event of a burst is handled. */
  readonly debounce?: DebouncePolicy;
  /** Undefined if starts are not limited. */
  readonly rate?: RatePolicy;
  /** Undefined if handled events are not remembered. */
  readonly idempotency: IdempotencyPolicy | undefined;
  readonly breaker: BreakerPolicy;
  readonly dependencies: Readonly<Record<string, BreakerPolicy>>;
}

const defaults = FUNCTION_DEFAULTS;

/** Path of every option, for suggestions. */
const OPTIONS = [
  ...[
    "name",
    "on",
    "emits",
    "decode",
    "where",
    "retry",
    "timeout",
    "concurrency",
    "order",
    "batch",
    "maxHops",
    "from",
    "debounce",
    "rate",
    "idempotency",
    "maxAge",
    "breaker",
    "dependencies",
    "needs",
  ],
  ...Object.keys(defaults.retry).map((name) => `retry.${name}`),
  "from.since",
  ...CONCURRENCY_OPTIONS,
  ...BATCH_OPTIONS.map((name) => `batch.${name}`),
  ...ORDER_OPTIONS.map((name) => `order.${name}`),
  ...["quiet", "max", "by"].map((name) => `debounce.${name}`),
  ...["limit", "per", "by"].map((name) => `rate.${name}`),
  ...["key", "ttl"].map((name) => `idempotency.${name}`),
  ...Object.keys(defaults.breaker).flatMap((name) => [`breaker.${name}`, `dependencies.*.${name}`]),
];

const ttl = durationSchema.refine((ms) => ms >= 1_000, {
  error: ({ input }) => `${input}ms is too short: NATS counts it in whole seconds, so give at least one`,
});
const idempotency = z.preprocess(
  (given) => given === true ? {} : given === false ? undefined : given,
  z.strictObject({
    key: z.custom<IdempotencyPolicy["key"]>((given) => typeof given === "function", "not a function").optional(),
    ttl: ttl.prefault(defaults.idempotency.ttl),
  }).transform(({ key, ttl: ttlMs }): IdempotencyPolicy => ({ ttlMs, ...(key && { key }) })).optional(),
);

/** Shortest `per`, in milliseconds: several times what a store in another region takes to answer. */
const MIN_PER_MS = 100;

const rate = z.strictObject({
  limit: count,
  per: durationSchema.refine((ms) => ms >= MIN_PER_MS, {
    error: ({ input }) =>
      `${input}ms is too short: give at least ${MIN_PER_MS}ms, with a limit that is higher in proportion`,
  }),
  by: syncFunction<NonNullable<RatePolicy["by"]>>("text", "(event) => event.data.tenant").optional(),
}).transform(({ limit, per: perMs, by }): RatePolicy => ({ limit, perMs, ...(by && { by }) }));

/** Shortest quiet time, in milliseconds: the server fires a schedule up to a third of a second late. */
const MIN_QUIET_MS = 1_000;

const debounce = z.strictObject({
  quiet: durationSchema.refine((ms) => ms >= MIN_QUIET_MS, {
    error: ({ input }) => `${input}ms is too short: the server's schedules are not that exact, so give at least 1s`,
  }),
  max: durationSchema.optional(),
  by: syncFunction<NonNullable<DebouncePolicy["by"]>>("text", "(event) => event.data.documentId").optional(),
}).refine(({ quiet, max = Infinity }) => max >= quiet, {
  path: ["max"],
  error: "it is shorter than `quiet`, so that no event would wait for `quiet`: give a longer one, or leave it out",
}).transform(({ quiet: quietMs, max: maxMs, by }): DebouncePolicy => ({
  quietMs,
  ...(maxMs && { maxMs }),
  ...(by && { by }),
}));

const from = z.unknown().transform((given, ctx): Beginning => {
  if (given === "all" || given === "new") return given;
  const since = Object(given) as { since?: unknown }, sinceMs = parseDuration(since.since);
  if (sinceMs !== undefined && sinceMs > 0 && Object.keys(since).length === 1) return { sinceMs };
  const message = `${describeValue(given)} is none of "all", "new" and { since }, as in { since: "1h" }`;
  ctx.addIssue({ code: "custom", message });
  return z.NEVER;
});

const options = z.strictObject({
  name: z.unknown().optional(),
  on: z.unknown().optional(),
  emits: z.unknown().optional(),
  needs: z.unknown().optional(),
  decode: z.enum(DECODE_MODES, {
    error: ({ input }) => `${describeValue(input)} is none of ${DECODE_MODES.map((mode) => `"${mode}"`).join(", ")}`,
  }).optional(),
  where: syncFunction<NonNullable<FunctionPolicy["where"]>>("true or false", "(event) => event.data.total > 0")
    .optional(),
  retry: retrySchema.prefault({}),
  timeout: durationSchema.prefault(defaults.timeout),
  concurrency: concurrencySchema.optional(),
  order: orderSchema.optional(),
  batch: batchSchema.optional(),
  maxHops: count.default(defaults.maxHops),
  from: from.prefault(defaults.from),
  debounce: debounce.optional(),
  rate: rate.optional(),
  maxAge: durationSchema.optional(),
  idempotency,
  breaker: breakerSchema.prefault({}),
  dependencies: z.record(z.string(), breakerSchema).default({}),
}).refine(({ maxAge = Infinity, debounce }) => !(debounce && maxAge <= debounce.quietMs), {
  path: ["maxAge"],
  error: "it is not above `debounce.quiet`, so that every event would be too old: give a higher one",
}).transform((
  {
    name: _name,
    on: _on,
    emits: _emits,
    needs: _needs,
    timeout: timeoutMs,
    maxAge: maxAgeMs,
    idempotency,
    batch,
    concurrency: { limit: concurrency, ...rooms } = {
      limit: batch ? defaults.batch.concurrency : defaults.concurrency,
    },
    ...rest
  },
): FunctionPolicy => ({
  ...rest,
  concurrency,
  ...rooms,
  ...(batch && { batch }),
  timeoutMs,
  maxAgeMs,
  idempotency,
}));

/** Resolves a function's options to its policy, or to the faults in the options, one line for each option. */
export function resolvePolicy(
  given: FunctionOptions,
): { ok: true; policy: FunctionPolicy } | { ok: false; problems: string[] } {
  const result = options.safeParse(given, CHECKED_ONCE);
  if (!result.success) return { ok: false, problems: optionProblems(result.error, OPTIONS) };
  const { concurrency: limit, shares, adaptive, timeoutMs, batch } = result.data;
  const conflict = batchConflict(result.data) ?? orderConflict(result.data) ??
    concurrencyConflict({ limit, shares, adaptive }, { timeoutMs, hasBatch: batch !== undefined });
  return conflict ? { ok: false, problems: [conflict] } : { ok: true, policy: result.data };
}
