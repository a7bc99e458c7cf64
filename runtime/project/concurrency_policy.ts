import { z } from "zod";
import type { WeirEvent } from "../core/event.ts";
import type { AdaptiveLimitPolicy } from "../core/adaptive_limit.ts";
import { formatDuration } from "../core/duration.ts";
import { FUNCTION_DEFAULTS } from "../api/define_function.ts";
import { countSchema, durationSchema, syncFunction } from "./option_schemas.ts";

/** Shares of the keys of a function in its concurrency. */
export interface KeySharePolicy {
  /** Events of one key that one process handles at once. */
  readonly perKey: number;
  readonly by: (event: WeirEvent) => string;
}

/** The option `concurrency`, whichever of its forms the author used. */
export interface ConcurrencyPolicy {
  /** Events, or batches with `batch`, that one process handles at once at the most. */
  readonly limit: number;
  /** Undefined if keys have no shares. */
  readonly shares?: KeySharePolicy;
  /** Undefined if the concurrency is fixed. */
  readonly adaptive?: AdaptiveLimitPolicy;
}

/**
 * Deliveries that a process holds for one function while their keys have their shares. All processes share the consumer's
 * `max_ack_pending`, 1,000 by default.
 */
export const KEY_ROOM = 100;
/** Upper bound of their payload bytes. */
export const KEY_ROOM_BYTES = 4 * 2 ** 20;
/** Deliveries beyond them that are pulled to look for other keys, and go on to the retry stream: as many as go at once. */
export const KEY_MOVES = 400;

const KEYS = ["limit", "perKey", "by"] as const, ADAPTIVE = ["min", "max", "target"] as const;

/** Paths of the option's own options, for suggestions. */
export const CONCURRENCY_OPTIONS: readonly string[] = [...KEYS, ...ADAPTIVE].map((name) => `concurrency.${name}`);

const keyConcurrency = z.strictObject({
  limit: countSchema.default(FUNCTION_DEFAULTS.concurrency),
  perKey: countSchema,
  by: syncFunction<KeySharePolicy["by"]>("text", "(event) => event.data.tenant"),
}).refine(({ limit, perKey }) => perKey <= limit, {
  path: ["perKey"],
  error: "it is above `limit`, so that no key would ever have its share: give a lower one, or leave `by` out",
}).transform(({ limit, perKey, by }): ConcurrencyPolicy => ({ limit, shares: { perKey, by } }));

const adaptiveConcurrency = z.strictObject({
  min: countSchema.default(1),
  max: countSchema,
  target: durationSchema,
}).refine(({ min, max }) => min < max, {
  path: ["max"],
  error: "it is not above `min`: for a fixed number give just that, as in `concurrency: 16`",
}).transform(({ min, max, target: targetMs }): ConcurrencyPolicy => ({ limit: max, adaptive: { min, max, targetMs } }));

const fixedConcurrency = countSchema.transform((limit): ConcurrencyPolicy => ({ limit }));

/** Schema of the option `concurrency`: a number, or one of its two objects. */
export const concurrencySchema = z.unknown().transform((given, ctx): ConcurrencyPolicy => {
  const result = formOf(given).safeParse(given);
  if (result.success) return result.data;
  for (const issue of result.error.issues) ctx.issues.push({ ...issue, input: given } as typeof ctx.issues[number]);
  return z.NEVER;
});

function formOf(given: unknown): z.ZodType<ConcurrencyPolicy> {
  if (typeof given !== "object" || given === null) return fixedConcurrency;
  const isAdaptive = ADAPTIVE.some((name) => name in given), isByKey = KEYS.some((name) => name in given);
  if (!isAdaptive) return keyConcurrency;
  const message = "{ limit, perKey, by } and { min, max, target } do not go together: choose one";
  return isByKey ? z.custom<ConcurrencyPolicy>(() => false, message) : adaptiveConcurrency;
}

/** Returns why a function's concurrency does not go with its other options. */
export function concurrencyConflict(
  { shares, adaptive }: ConcurrencyPolicy,
  { timeoutMs, hasBatch }: { readonly timeoutMs: number; readonly hasBatch: boolean },
): string | undefined {
  if (hasBatch && (shares || adaptive)) {
    const names = shares ? "`limit`, `perKey` and `by`" : "`min`, `max` and `target`";
    return `option concurrency: ${names} do not go with \`batch\`: give a number of batches, or leave \`batch\` out`;
  }
  if (adaptive && adaptive.targetMs >= timeoutMs) {
    return `option concurrency.target: it is not below the timeout of ${
      formatDuration(timeoutMs)
    }, so that no attempt ` +
      "would ever take too long: give a shorter one";
  }
}
