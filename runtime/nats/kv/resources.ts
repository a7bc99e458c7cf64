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
