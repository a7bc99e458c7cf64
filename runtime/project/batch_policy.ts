import { z } from "zod";
import { BATCH_DEFAULTS } from "../api/batch.ts";
import type { BatchPolicy } from "../core/batch.ts";
import { formatDuration } from "../core/duration.ts";
import { KEY_MOVES, KEY_ROOM } from "./concurrency_policy.ts";
import { MAX_HELD } from "../core/order.ts";
import { countSchema, durationSchema } from "./option_schemas.ts";
import type { FunctionPolicy } from "./resolve_policy.ts";

/** Greatest size of a batch: a pull request and `max_ack_pending` are of this order. */
const MAX_SIZE = 10_000;
/** Longest wait for a batch: an hour. */
const MAX_WAIT_MS = 3_600_000;

/** Names of the options of `batch`, for suggestions. */
export const BATCH_OPTIONS = ["size", "maxWait", "maxBytes"] as const;

/** Schema of the option `batch`. */
export const batchSchema = z.strictObject({
  size: countSchema.refine((size) => size <= MAX_SIZE, {
    error: ({ input }) => `${input} is more than ${MAX_SIZE}: a function holds all events of a batch in memory`,
  }),
  maxWait: durationSchema.refine((ms) => ms <= MAX_WAIT_MS, {
    error: ({ input }) => `${formatDuration(input as number)} is more than an hour: collected events are in memory`,
  }).prefault(BATCH_DEFAULTS.maxWait),
  maxBytes: countSchema.default(BATCH_DEFAULTS.maxBytes),
}).transform(({ maxWait: maxWaitMs, ...rest }): BatchPolicy => ({ ...rest, maxWaitMs }));

/**
 * Returns why a policy is none for batches. Each event of a batch takes a start of the `rate`, and all begin together.
 * The last attempt of an event runs alone, so with one attempt all would.
 */
export function batchConflict({ batch, retry, rate }: FunctionPolicy): string | undefined {
  if (!batch || batch.size === 1) return undefined;
  if (rate?.by) {
    return "option rate: with `batch` it takes no `by`: the events of a batch begin together, and those of one key would " +
      "wait for the starts of another. Leave out `rate.by`, or `batch`";
  }
  if (rate && batch.size > rate.limit) {
    return `option rate: a batch of ${batch.size} events takes as many starts at once, and the limit is ${rate.limit}: ` +
      `set \`batch.size\` to ${rate.limit} at the most, or a higher \`rate.limit\` for a longer \`rate.per\``;
  }
  if (retry.attempts > 1) return undefined;
  return "option batch: with `retry.attempts: 1` every event would be handled alone, since the last attempt of an event " +
    "is a batch of its own: allow two attempts at least, or leave `batch` out";
}

/** Returns how many events of a function run at once in a process, those of a batch that is collected included. */
export function eventsBegun({ batch, concurrency }: Pick<FunctionPolicy, "batch" | "concurrency">): number {
  return batch ? batch.size * (concurrency + 1) : concurrency;
}

/**
 * Returns how many events a function holds at once in a process: those that run; with `batch` those of one more batch,
 * which is collected meanwhile; with shares of keys those whose keys are busy; with `order` those that wait for their
 * turn, and as many as run, which may have to be given back, of each partition.
 */
export function eventsAtOnce(
  policy: Pick<FunctionPolicy, "batch" | "order" | "concurrency" | "shares">,
): number {
  const begun = eventsBegun(policy);
  if (policy.order) return (policy.order.partitions ?? 1) * (2 * begun + MAX_HELD);
  return policy.shares ? begun + KEY_ROOM + KEY_MOVES : begun;
}
