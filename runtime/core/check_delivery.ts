import { formatDuration } from "./duration.ts";
import type { Decoded } from "./cloudevent.ts";
import type { Outcome } from "./outcome.ts";

/** Facts about a delivery that decide whether its handler may run. */
export interface DeliveryFacts {
  readonly decoded: Decoded;
  /** Number of this attempt, from 1. A delivery that never reached the handler is no attempt. */
  readonly attempt: number;
  /** Attempts the function allows. */
  readonly attempts: number;
  readonly ageMs: number;
  /** Greatest age that is still handled; undefined for no limit. */
  readonly maxAgeMs: number | undefined;
}

/**
 * Returns the dead letter of a delivery whose handler must not run, or undefined if it may run.
 *
 * An attempt past the budget means that the last allowed attempt began and was never settled, since its process died. This
 * is the one place that finds out, and the reason is `crashed`.
 */
export function checkDelivery(candidate: DeliveryFacts): (Outcome & { kind: "dead-letter" }) | undefined {
  const { decoded, attempt, attempts, ageMs, maxAgeMs } = candidate;
  if (decoded.kind === "invalid") {
    return { kind: "dead-letter", reason: "invalid", attempts: attempt - 1, error: decoded.error };
  }
  if (attempt > attempts) {
    const message = `the process ended while handling this event: the last of ${attempts} attempts was never settled`;
    return {
      kind: "dead-letter",
      reason: "crashed",
      attempts: attempt - 1,
      error: { name: "CrashedError", message },
    };
  }
  if (maxAgeMs !== undefined && ageMs > maxAgeMs) {
    const message = `the event is ${formatDuration(ageMs)} old; the function handles none older than ${
      formatDuration(maxAgeMs)
    }`;
    return {
      kind: "dead-letter",
      reason: "expired",
      attempts: attempt - 1,
      error: { name: "ExpiredError", message },
    };
  }
  return undefined;
}
