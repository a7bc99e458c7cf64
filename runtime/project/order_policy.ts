import { z } from "zod";
import type { WeirEvent } from "../core/event.ts";
import type { OnFailure } from "../core/order.ts";
import { FUNCTION_DEFAULTS } from "../api/define_function.ts";
import { PARTITIONS } from "../core/partitions.ts";
import { countSchema, describeValue, syncFunction } from "./option_schemas.ts";
import type { FunctionPolicy } from "./resolve_policy.ts";

/** The key within which a function handles events in order, and what its first event does once it has failed. */
export interface OrderPolicy {
  readonly by: (event: WeirEvent) => string;
  readonly onFailure: OnFailure;
  /** Parts among which the keys are divided. Undefined if one process handles all keys. */
  readonly partitions?: number;
}

/** Names of the options of `order`, for suggestions. */
export const ORDER_OPTIONS = ["by", "onFailure", "partitions"] as const;

/** Schema of the option `order`. */
export const orderSchema = z.strictObject({
  by: syncFunction<OrderPolicy["by"]>("text", "(event) => event.data.customerId"),
  onFailure: z.enum(["block", "dead-letter", "park"], {
    error: ({ input }) => `${describeValue(input)} is none of "block", "dead-letter" and "park"`,
  }).default(FUNCTION_DEFAULTS.order.onFailure),
  partitions: countSchema.refine((count) => count >= PARTITIONS.min && count <= PARTITIONS.max, {
    error: ({ input }) =>
      `${input} is not between ${PARTITIONS.min} and ${PARTITIONS.max}: give the number of processes that are to share ` +
      "the keys, or a small multiple of it; leave it out for one process",
  }).optional(),
});

/** Returns why a policy with `order` cannot hold; undefined if it can. */
export function orderConflict({ order, debounce, shares }: FunctionPolicy): string | undefined {
  if (!order) return undefined;
  if (shares) {
    return "option order: the events of a key are handled one at a time, so that `perKey` limits nothing: give a number " +
      "for `concurrency`, or leave out `order`";
  }
  if (debounce) {
    return "option order: `debounce` handles the last event of a burst alone and later, which leaves no order to keep: " +
      "leave out `debounce`, or `order`";
  }
  return undefined;
}

/**
 * Returns why the triggers of a function with `order` cannot be handled in order; undefined if they can.
 *
 * @param streams The streams of its triggers.
 */
export function orderStreamsProblem(streams: readonly string[]): string | undefined {
  const names = [...new Set(streams)];
  if (names.length <= 1) return undefined;
  return `option order: its triggers are in ${names.length} streams (${names.join(", ")}), between which there is no ` +
    "order: let one function listen to one of them, or put the types into one stream (`defineStream`)";
}
