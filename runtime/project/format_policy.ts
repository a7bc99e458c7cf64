import type { BreakerPolicy } from "../core/breaker.ts";
import { type Duration, formatDuration } from "../core/duration.ts";
import type { OnFailure } from "../core/order.ts";
import type { DecodeMode } from "../core/payload.ts";
import { type BreakerOptions, FUNCTION_DEFAULTS, type RetryOptions } from "../api/define_function.ts";
import type { FunctionPolicy } from "./resolve_policy.ts";

/** Policy of a function, in the names and units of its options. */
export interface FormattedPolicy {
  /** Absent if the data is decoded by its schema or its content type. */
  readonly decode?: DecodeMode;
  /** Absent if every event is handled. */
  readonly where?: "its own";
  readonly retry: Required<RetryOptions>;
  readonly timeout: Duration;
  readonly concurrency:
    | number
    | { readonly limit: number; readonly perKey: number; readonly by: "its own" }
    | { readonly min: number; readonly max: number; readonly target: Duration };
  /** Absent if events are handled in any order. */
  readonly order?: { readonly by: "its own"; readonly onFailure: OnFailure; readonly partitions?: number };
  /** Absent if events are handled one by one. */
  readonly batch?: { readonly size: number; readonly maxWait: Duration; readonly maxBytes: number };
  readonly maxHops: number;
  readonly from: "all" | "new" | { readonly since: Duration };
  /** Absent if every event of a burst is handled. */
  readonly debounce?: { readonly quiet: Duration; readonly max?: Duration; readonly by?: "its own" };
  /** Absent if starts are not limited. */
  readonly rate?: { readonly limit: number; readonly per: Duration; readonly by?: "its own" };
  /** Null if events of any age are handled. */
  readonly maxAge: Duration | null;
  /** Null if handled events are not remembered. */
  readonly idempotency: { readonly ttl: Duration; readonly key: "source and id" | "its own" } | null;
  readonly breaker: FormattedBreaker;
  /** Breakers of every dependency that is configured, or was called since the start. */
  readonly dependencies: Readonly<Record<string, FormattedBreaker>>;
}

/** Policy of a breaker. `shared` is absent if each process has a breaker of its own. */
export type FormattedBreaker = Required<Omit<BreakerOptions, "shared">> & { readonly shared?: true };

/**
 * Returns a policy in the names and units of its options.
 *
 * @param called Breakers of dependencies that were called, by name. Default: none.
 */
export function formatPolicy(
  {
    decode,
    where,
    debounce,
    rate,
    retry,
    timeoutMs,
    concurrency,
    shares,
    adaptive,
    order,
    batch,
    maxHops,
    from,
    maxAgeMs,
    idempotency,
    breaker,
    dependencies,
  }: FunctionPolicy,
  called: Readonly<Record<string, BreakerPolicy>> = {},
): FormattedPolicy {
  const { attempts, initialMs, maxMs, factor, jitter } = retry;
  return {
    ...(decode && { decode }),
    ...(where && { where: "its own" }),
    retry: { attempts, initial: formatDuration(initialMs), max: formatDuration(maxMs), factor, jitter },
    timeout: formatDuration(timeoutMs),
    concurrency: adaptive
      ? { min: adaptive.min, max: adaptive.max, target: formatDuration(adaptive.targetMs) }
      : shares
      ? { limit: concurrency, perKey: shares.perKey, by: "its own" }
      : concurrency,
    ...(order && {
      order: { by: "its own", onFailure: order.onFailure, ...(order.partitions && { partitions: order.partitions }) },
    }),
    ...(batch && { batch: { size: batch.size, maxWait: formatDuration(batch.maxWaitMs), maxBytes: batch.maxBytes } }),
    maxHops,
    from: typeof from === "string" ? from : { since: formatDuration(from.sinceMs) },
    ...(debounce && {
      debounce: {
        quiet: formatDuration(debounce.quietMs),
        ...(debounce.maxMs && { max: formatDuration(debounce.maxMs) }),
        ...(debounce.by && { by: "its own" }),
      },
    }),
    ...(rate && { rate: { limit: rate.limit, per: formatDuration(rate.perMs), ...(rate.by && { by: "its own" }) } }),
    maxAge: maxAgeMs === undefined ? null : formatDuration(maxAgeMs),
    idempotency: idempotency
      ? { ttl: formatDuration(idempotency.ttlMs), key: idempotency.key ? "its own" : "source and id" }
      : null,
    breaker: formatBreaker(breaker),
    dependencies: Object.fromEntries(
      Object.entries({ ...called, ...dependencies }).map(([name, policy]) => [name, formatBreaker(policy)]),
    ),
  };
}

function formatBreaker(
  { consecutiveFailures, intervalMs, openForMs, halfOpenProbes, shared }: BreakerPolicy,
): FormattedBreaker {
  return {
    consecutiveFailures,
    interval: formatDuration(intervalMs),
    openFor: formatDuration(openForMs),
    halfOpenProbes,
    ...(shared && { shared }),
  };
}

interface PolicyValue {
  /** Path such as `retry.initial`, or `dependencies.PaymentService.openFor`. */
  readonly path: string;
  readonly value: string | number | boolean;
  readonly isDefault: boolean;
}

/** Values of a policy whose author sets no option: `maxAge` and `idempotency` are then off. */
const DEFAULTS = { ...FUNCTION_DEFAULTS, maxAge: null, idempotency: null };
/** Values of the idempotency that is on, without further options. */
const IDEMPOTENCY_DEFAULTS = { ...FUNCTION_DEFAULTS.idempotency, key: "source and id" };

/** Returns every value of a policy, in the order of the options. */
export function policyValues({ dependencies, ...own }: FormattedPolicy): PolicyValue[] {
  const given = { ...own, dependencies };
  const defaults = {
    ...DEFAULTS,
    ...(own.batch && { concurrency: FUNCTION_DEFAULTS.batch.concurrency }),
    ...(own.idempotency && { idempotency: IDEMPOTENCY_DEFAULTS }),
    dependencies: Object.fromEntries(Object.keys(dependencies).map((name) => [name, FUNCTION_DEFAULTS.breaker])),
  };
  return values(given, defaults, []);
}

function values(given: unknown, fallback: unknown, path: readonly string[]): PolicyValue[] {
  if (typeof given !== "object" || given === null) {
    const value = given as string | number | boolean | null;
    return [{ path: path.join("."), value: value ?? "none", isDefault: value === fallback }];
  }
  return Object.entries(given).flatMap(([name, value]) =>
    values(value, (fallback as Record<string, unknown> | null)?.[name], [...path, name])
  );
}
