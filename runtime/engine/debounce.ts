import { decideOutcome, deferForState } from "../core/decide_outcome.ts";
import type { Delivery, DeliveryHistory } from "../core/delivery.ts";
import type { Outcome } from "../core/outcome.ts";
import type { DebouncePolicy } from "../project/resolve_policy.ts";
import type { Attempt } from "./attempt.ts";
import { eventKey } from "./event_key.ts";
import { resultOfThrown } from "./handler_runner.ts";
import type { UsedUp } from "./settler.ts";

/** Keeps the pending event of each key of a function until the key is quiet. */
export interface DebounceStore {
  /**
   * Stores an event as the pending one of its key, and starts its quiet time anew. An event that is earlier than the
   * pending one changes nothing. Rejects when neither of the two events is known to be stored.
   */
  postpone(
    functionName: string,
    key: string,
    delivery: Delivery,
    usedUp: UsedUp,
    policy: Pick<DebouncePolicy, "quietMs" | "maxMs">,
  ): Promise<void>;
}

/**
 * Returns whether an event must wait until its key is quiet. An event that has waited need not wait again, nor one that
 * an operator sends again.
 */
export function mustWait({ isDebounced, redrives, replay }: DeliveryHistory): boolean {
  return !isDebounced && redrives === 0 && replay === undefined;
}

/**
 * Makes an event the pending one of its key. Its delivery is acked as `debounced`: the event comes back if no later one
 * replaces it.
 *
 * Invariant: the event, or a later one of its key, is stored before the outcome is returned.
 */
export async function debounceEvent(store: DebounceStore, policy: DebouncePolicy, attempt: Attempt): Promise<Outcome> {
  const { fn, delivery, number, excusedDeliveries, emittedSinceMs, lastError } = attempt;
  let key: string;
  try {
    key = eventKey(policy.by, attempt.event, `\`debounce.by\` of ${fn.name}`);
  } catch (error) {
    attempt.failedOption = "debounce.by";
    return decideOutcome(resultOfThrown(error), attempt);
  }
  const usedUp = { attempts: number - 1, excusedDeliveries, emittedSinceMs, ...(lastError && { lastError }) };
  try {
    await store.postpone(fn.name, key, delivery, usedUp, policy);
  } catch (error) {
    return deferForState(attempt, error);
  }
  return await attempt.lease.isValid() ? { kind: "ack", skipped: "debounced" } : { kind: "lease-expired" };
}
