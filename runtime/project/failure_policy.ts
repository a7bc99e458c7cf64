import { z } from "zod";
import { FUNCTION_DEFAULTS } from "../api/define_function.ts";
import type { RetryPolicy } from "../core/backoff.ts";
import type { BreakerPolicy } from "../core/breaker.ts";
import { formatDuration, parseDuration } from "../core/duration.ts";
import { CHECKED_ONCE, countSchema as count, describeValue, durationSchema } from "./option_schemas.ts";

const defaults = FUNCTION_DEFAULTS, INITIAL_MS = parseDuration(defaults.retry.initial)!;

/** Schema of the option `retry`. A `max` below the default of `initial` lowers that too. */
export const retrySchema = z.strictObject({
  attempts: count.default(defaults.retry.attempts),
  initial: durationSchema.optional(),
  max: durationSchema.prefault(defaults.retry.max),
  factor: z.custom<number>(
    (value) => Number.isFinite(value) && (value as number) >= 1,
    { error: ({ input }) => `${describeValue(input)} is not a number from 1` },
  ).default(defaults.retry.factor),
  jitter: z.enum(["full", "none"], { error: ({ input }) => `${describeValue(input)} is neither "full" nor "none"` })
    .default(defaults.retry.jitter),
}).refine(({ initial = 0, max }) => initial <= max, {
  path: ["initial"],
  error: ({ input }) => {
    const { initial, max } = input as { initial: number; max: number };
    return `${formatDuration(initial)} is longer than \`retry.max\`, ${
      formatDuration(max)
    }, which limits every wait: ` +
      "give a longer `max` too";
  },
}).transform(({ max: maxMs, initial: initialMs = Math.min(INITIAL_MS, maxMs), ...rest }): RetryPolicy => ({
  ...rest,
  initialMs,
  maxMs,
}));

/** Schema of the option `breaker`, and of the breaker of each dependency. */
export const breakerSchema = z.strictObject({
  consecutiveFailures: count.default(defaults.breaker.consecutiveFailures),
  interval: durationSchema.prefault(defaults.breaker.interval),
  openFor: durationSchema.prefault(defaults.breaker.openFor),
  halfOpenProbes: count.default(defaults.breaker.halfOpenProbes),
  shared: z.boolean({ error: ({ input }) => `${describeValue(input)} is neither true nor false` })
    .default(defaults.breaker.shared),
}).transform(({ interval: intervalMs, openFor: openForMs, shared, ...rest }): BreakerPolicy => ({
  ...rest,
  intervalMs,
  openForMs,
  ...(shared && { shared }),
}));

/** Policy of a dependency's breaker that no function configures. */
export const DEFAULT_BREAKER: BreakerPolicy = breakerSchema.parse({}, CHECKED_ONCE);
