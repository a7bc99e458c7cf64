import type { Attempt } from "./attempt.ts";
import { eventKey } from "./event_key.ts";
import type { TurnKey } from "./known_events.ts";

const UNORDERED: TurnKey = { key: undefined, holdsAll: false };

/**
 * Returns the key of an attempt's event, within which a function with `order` handles events in order. An event that
 * cannot be handled has none.
 *
 * @param isMain False for an event of RETRIES, which holds up no event of the triggers.
 */
export function turnKey({ fn, delivery, trigger, decoded, event }: Attempt, isMain: boolean): TurnKey {
  if (delivery.history.isDelayedEvent) return UNORDERED;
  if (!trigger || decoded.kind === "invalid" && decoded.isNewer) return { key: undefined, holdsAll: isMain };
  if (decoded.kind === "invalid") return UNORDERED;
  try {
    return { key: eventKey(fn.policy.order!.by, event, `\`order.by\` of ${fn.name}`), holdsAll: false };
  } catch (error) {
    return { ...UNORDERED, error };
  }
}
