import { z } from "zod";
import type { WeirEvent } from "../core/event.ts";
import type { RetryPolicy } from "../core/backoff.ts";
import type { BreakerPolicy } from "../core/breaker.ts";
import { countSchema as count, describeValue, durationSchema, optionProblems } from "./option_schemas.ts";
import { type BreakerOptions, FUNCTION_DEFAULTS, type FunctionOptions } from "../api/define_function.ts";

/** How long handled events are remembered, and by what name. */
export interface IdempotencyPolicy {
  readonly ttlMs: number;
  readonly key?: (event: WeirEvent) => string;
}

/** A function's options with every default filled in and every duration in milliseconds. */
export interface FunctionPolicy {
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly maxAgeMs: number | undefined;
  /** Undefined: handled events are not remembered. */
  readonly idempotency: IdempotencyPolicy | undefined;
  readonly breaker: BreakerPolicy;
  readonly dependencies: Readonly<Record<string, BreakerPolicy>>;
}

const defaults = FUNCTION_DEFAULTS;

const retry = z.strictObject({
  attempts: count.default(defaults.retry.attempts),
  initial: durationSchema.prefault(defaults.retry.initial),
  max: durationSchema.prefault(defaults.retry.max),
  factor: z.custom<number>(
    (value) => Number.isFinite(value) && (value as number) >= 1,
    { error: ({ input }) => `${describeValue(input)} is not a number from 1` },
  ).default(defaults.retry.factor),
  jitter: z.enum(["full", "none"], { error: ({ input }) => `${describeValue(input)} is neither "full" nor "none"` })
    .default(defaults.retry.jitter),
}).transform(({ initial: initialMs, max: maxMs, ...rest }): RetryPolicy => ({ ...rest, initialMs, maxMs }));

const breaker = z.strictObject({
  consecutiveFailures: count.default(defaults.breaker.consecutiveFailures),
  interval: durationSchema.prefault(defaults.breaker.interval),
  openFor: durationSchema.prefault(defaults.breaker.openFor),
  halfOpenProbes: count.default(defaults.breaker.halfOpenProbes),
}).transform(({ interval: intervalMs, openFor: openForMs, ...rest }): BreakerPolicy => ({
  ...rest,
  intervalMs,
  openForMs,
}));

/** Every option by its path, for what may have been meant by one that is none. */
const OPTIONS = [
  ...["on", "emits", "retry", "timeout", "concurrency", "idempotency", "maxAge", "breaker", "dependencies"],
  ...Object.keys(defaults.retry).map((name) => `retry.${name}`),
  ...["key", "ttl"].map((name) => `idempotency.${name}`),
  ...Object.keys(defaults.breaker).flatMap((name) => [`breaker.${name}`, `dependencies.*.${name}`]),
];

const ttl = durationSchema.refine((ms) => ms >= 1_000, {
  error: ({ input }) => `${input}ms is too short: one second at the least, which is how finely NATS counts it`,
});
const idempotency = z.preprocess(
  (given) => given === true ? {} : given === false ? undefined : given,
  z.strictObject({
    key: z.custom<IdempotencyPolicy["key"]>((given) => typeof given === "function", "not a function").optional(),
    ttl: ttl.prefault(defaults.idempotency.ttl),
  }).transform(({ key, ttl: ttlMs }): IdempotencyPolicy => ({ ttlMs, ...(key && { key }) })).optional(),
);

const options = z.strictObject({
  on: z.unknown().optional(),
  emits: z.unknown().optional(),
  retry: retry.prefault({}),
  timeout: durationSchema.prefault(defaults.timeout),
  concurrency: count.default(defaults.concurrency),
  maxAge: durationSchema.optional(),
  idempotency,
  breaker: breaker.prefault({}),
  dependencies: z.record(z.string(), breaker).default({}),
}).transform((
  { on: _on, emits: _emits, timeout: timeoutMs, maxAge: maxAgeMs, idempotency, ...rest },
): FunctionPolicy => ({
  ...rest,
  timeoutMs,
  maxAgeMs,
  idempotency,
}));

/** Reads a function's options: its policy, or what is wrong with them, one line an option. */
export function resolvePolicy(
  given: FunctionOptions,
): { ok: true; policy: FunctionPolicy } | { ok: false; problems: string[] } {
  const result = options.safeParse(given);
  if (result.success) return { ok: true, policy: result.data };
  return { ok: false, problems: optionProblems(result.error, OPTIONS) };
}

/** The breaker of a dependency that no function configures. */
export const DEFAULT_BREAKER: BreakerPolicy = resolveBreaker({});

/** A breaker's options with defaults filled in. @throws {z.ZodError} when one is wrong. */
export function resolveBreaker(given: BreakerOptions): BreakerPolicy {
  return breaker.parse(given);
}
