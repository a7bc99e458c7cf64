import { formatDuration } from "./duration.ts";
import type { Decoded } from "./cloudevent.ts";
import type { Outcome } from "./outcome.ts";

/** What is known of a delivery before its handler may run. */
export interface DeliveryFacts {
  readonly decoded: Decoded;
  /** 1-based; deliveries that never reached the handler are not in it. */
  readonly attempt: number;
  /** Attempts the function allows. */
  readonly attempts: number;
  readonly ageMs: number;
  /** Older than this is not run any more; undefined: age does not matter. */
  readonly maxAgeMs: number | undefined;
}

/**
 * Whether the handler may run at all: the dead letter it ends as, or undefined to go on.
 *
 * An attempt past the budget is only ever seen when the last one allowed never reported back: the process died
 * under it. That is `crashed`, and the one place where it can be found out.
 */
export function checkDelivery(candidate: DeliveryFacts): (Outcome & { kind: "dead-letter" }) | undefined {
  const { decoded, attempt, attempts, ageMs, maxAgeMs } = candidate;
  if (decoded.kind === "invalid") {
    return { kind: "dead-letter", reason: "invalid", attempts: attempt - 1, error: decoded.error };
  }
  if (attempt > attempts) {
    const message = `the process ended while handling this event: of ${attempts} attempts the last never reported back`;
    return {
      kind: "dead-letter",
      reason: "crashed",
      attempts: attempt - 1,
      error: { name: "CrashedError", message },
    };
  }
  if (maxAgeMs !== undefined && ageMs > maxAgeMs) {
    const message = `the event is ${formatDuration(ageMs)} old; the function takes none older than ${
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
