import type { BreakerPolicy } from "../core/breaker.ts";
import { type Duration, formatDuration } from "../core/duration.ts";
import { type BreakerOptions, FUNCTION_DEFAULTS, type RetryOptions } from "../api/define_function.ts";
import type { FunctionPolicy } from "./resolve_policy.ts";

/** Policy of a function, in the names and units of its options. */
export interface FormattedPolicy {
  readonly retry: Required<RetryOptions>;
  readonly timeout: Duration;
  readonly concurrency: number;
  /** Null if events of any age are handled. */
  readonly maxAge: Duration | null;
  /** Null if handled events are not remembered. */
  readonly idempotency: { readonly ttl: Duration; readonly key: "source and id" | "its own" } | null;
  readonly breaker: Required<BreakerOptions>;
  /** Breakers of every dependency that is configured, or was called since the start. */
  readonly dependencies: Readonly<Record<string, Required<BreakerOptions>>>;
}

/** @param called Breakers of dependencies that were called, by name. */
export function formatPolicy(
  { retry, timeoutMs, concurrency, maxAgeMs, idempotency, breaker, dependencies }: FunctionPolicy,
  called: Readonly<Record<string, BreakerPolicy>> = {},
): FormattedPolicy {
  const { attempts, initialMs, maxMs, factor, jitter } = retry;
  return {
    retry: { attempts, initial: formatDuration(initialMs), max: formatDuration(maxMs), factor, jitter },
    timeout: formatDuration(timeoutMs),
    concurrency,
    maxAge: maxAgeMs === undefined ? null : formatDuration(maxAgeMs),
    idempotency: idempotency
      ? { ttl: formatDuration(idempotency.ttlMs), key: idempotency.key ? "its own" : "source and id" }
      : null,
    breaker: writeBreaker(breaker),
    dependencies: Object.fromEntries(
      Object.entries({ ...called, ...dependencies }).map(([name, policy]) => [name, writeBreaker(policy)]),
    ),
  };
}

function writeBreaker({ consecutiveFailures, intervalMs, openForMs, halfOpenProbes }: BreakerPolicy) {
  return {
    consecutiveFailures,
    interval: formatDuration(intervalMs),
    openFor: formatDuration(openForMs),
    halfOpenProbes,
  };
}

interface PolicyValue {
  /** Path such as `retry.initial`, or `dependencies.PaymentService.openFor`. */
  readonly path: string;
  readonly value: string | number;
  readonly isDefault: boolean;
}

const { idempotency: remembering, ...SET } = FUNCTION_DEFAULTS;
const DEFAULTS = { ...SET, maxAge: null, idempotency: null };

/** Returns every value of a policy, in the order of the options. */
export function policyValues({ dependencies, ...own }: FormattedPolicy): PolicyValue[] {
  const given = { ...own, dependencies };
  const defaults = {
    ...DEFAULTS,
    ...(own.idempotency && { idempotency: { ...remembering, key: "source and id" } }),
    dependencies: Object.fromEntries(Object.keys(dependencies).map((name) => [name, FUNCTION_DEFAULTS.breaker])),
  };
  return values(given, defaults, []);
}

function values(given: unknown, fallback: unknown, path: readonly string[]): PolicyValue[] {
  if (typeof given !== "object" || given === null) {
    const value = given as string | number | null;
    return [{ path: path.join("."), value: value ?? "none", isDefault: value === fallback }];
  }
  return Object.entries(given).flatMap(([name, value]) =>
    values(value, (fallback as Record<string, unknown> | null)?.[name], [...path, name])
  );
}
