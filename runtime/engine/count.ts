import type { Delivery, DeliveryHistory } from "../core/delivery.ts";
import type { DeadLetterOutcome } from "../core/outcome.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { AttemptCounts, AttemptStore } from "./ports.ts";

/** A delivery's place among the attempts of its event. */
export interface Count {
  /** Which attempt this would be, from 1. */
  readonly attempt: number;
  /** Deliveries of the event that used no attempt, so far. */
  readonly excusedDeliveries: number;
  /** What the event emits may be stored already, since then; undefined: it is not. */
  readonly emittedSinceMs: number | undefined;
  /** It waits elsewhere for its next attempt: this delivery is of a process that did not live to settle it. */
  readonly delayed: boolean;
  /** How the event ends: decided at an earlier delivery that did not live to see it through. */
  readonly ending: DeadLetterOutcome | undefined;
  /** What is to be written when the handler is about to run; undefined: nothing, as for nearly every event. */
  readonly begin: AttemptCounts | undefined;
  /** The span of the delivery before this one, as a W3C `traceparent`. */
  readonly previous: string | undefined;
}

/**
 * Counts a delivery. A first one needs no look-up. For a later one the written counts are exact; where none were
 * written, one attempt is presumed to have begun, with the first delivery, but never so that this alone would end the
 * event: it may have been lost on its way, and only what is known to have run may be said to have crashed.
 *
 * @param budget how many attempts the function allows
 */
export function count(
  attempts: AttemptStore,
  functionName: string,
  delivery: Delivery,
  budget: number,
): MaybePromise<Count> {
  return delivery.deliveryCount === 1 ? first(delivery.history) : again(attempts, functionName, delivery, budget);
}

function first({ attempts, excusedDeliveries, emittedSinceMs, attemptTrace }: DeliveryHistory): Count {
  return {
    attempt: attempts + 1,
    excusedDeliveries,
    emittedSinceMs,
    delayed: false,
    ending: undefined,
    begin: undefined,
    previous: attemptTrace,
  };
}

async function again(
  attempts: AttemptStore,
  functionName: string,
  delivery: Delivery,
  budget: number,
): Promise<Count> {
  const { history } = delivery;
  const known = await attempts.read(functionName, delivery);
  const presumed = Math.max(0, Math.min(1, budget - history.attempts - 1));
  const { begun, free, emitted, delayed = false, ending } = known ?? { begun: presumed, free: 0, emitted: true };
  const previous = known?.attemptTrace ?? history.attemptTrace;
  return {
    attempt: history.attempts + begun + 1,
    excusedDeliveries: history.excusedDeliveries + free,
    emittedSinceMs: history.emittedSinceMs ?? (emitted === false ? undefined : delivery.storedAtMs),
    delayed,
    ending,
    // Of an attempt that kills its process no span is ever sent: the one before stays what is linked to.
    begin: { begun: begun + 1, free, emitted: true, ...(previous && { attemptTrace: previous }) },
    previous,
  };
}
