import type { Namespace } from "../../core/namespace.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { deletePermissions, publish } from "../topology/permissions.ts";
import { type Bucket, bucketStream, namedBucket, type Resources } from "../topology/resources.ts";

/** Bucket of the events that functions with `idempotency` have handled. Each entry has a time to live of its own. */
export const IDEMPOTENCY: Bucket = {
  name: "weir_inbox",
  config: { description: "Weir: events that functions with `idempotency` have handled", allow_msg_ttl: true },
};

/** Bucket of the starts that functions with `rate` have taken. Entries expire soon after their starts. */
export const RATES: Bucket = {
  name: "weir_rates",
  config: { description: "Weir: starts of functions with `rate`", allow_msg_ttl: true },
};

/** Returns what rate limits need: nothing, unless a function has `rate`. */
export function rateResources(functions: readonly ResolvedFunction[], names: Namespace): Resources {
  if (!functions.some(({ policy }) => policy.rate)) return {};
  const bucket = namedBucket(RATES, names);
  return {
    buckets: [bucket],
    permissions: publish("to read a stored message", `$JS.API.STREAM.MSG.GET.${bucketStream(bucket.name)}`),
  };
}

/** Bucket of the states of breakers with `shared`. An entry expires an hour after its use. */
export const BREAKERS: Bucket = {
  name: "weir_breakers",
  config: { description: "Weir: states of breakers with `shared`", allow_msg_ttl: true },
};

/**
 * Returns what shared breakers need: nothing, unless one has `shared`.
 *
 * @param declared Every function of the project: any of them may declare a dependency that these functions call.
 */
export function breakerResources(
  functions: readonly ResolvedFunction[],
  declared: readonly ResolvedFunction[],
  names: Namespace,
): Resources {
  const policies = [
    ...functions.map(({ policy }) => policy.breaker),
    ...declared.flatMap(({ policy }) => Object.values(policy.dependencies)),
  ];
  if (functions.length === 0 || !policies.some(({ shared }) => shared)) return {};
  const bucket = namedBucket(BREAKERS, names), purpose = "to tell other processes at once of a shared breaker";
  return {
    buckets: [bucket],
    permissions: [
      ...publish("to read a stored message", `$JS.API.STREAM.MSG.GET.${bucketStream(bucket.name)}`),
      { action: "publish", subject: names.breakers, purpose, optional: true },
      { action: "subscribe", subject: names.breakers, purpose, optional: true },
    ],
  };
}

/** Returns what the idempotency store needs: nothing, unless a function has `idempotency`. */
export function idempotencyResources(functions: readonly ResolvedFunction[], names: Namespace): Resources {
  if (!functions.some(({ policy }) => policy.idempotency)) return {};
  const bucket = namedBucket(IDEMPOTENCY, names), stream = bucketStream(bucket.name);
  return {
    buckets: [bucket],
    permissions: [
      ...publish("to read a stored message", `$JS.API.STREAM.MSG.GET.${stream}`),
      ...deletePermissions(stream),
    ],
  };
}
