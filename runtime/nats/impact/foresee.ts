import { checkDelivery } from "../../core/check_delivery.ts";
import { decode } from "../../core/cloudevent.ts";
import type { Delivery } from "../../core/delivery.ts";
import { blockedNumber } from "../../core/order.ts";
import { type ResolvedFunction, schemaOf, triggerFor } from "../../project/resolve_function.ts";

/** The reason why a handler will not run, and the error that says what is wrong. */
export interface Foreseen {
  readonly reason: string;
  readonly message: string;
}

/**
 * Returns how a stored event will end without its handler, by the check that each delivery goes through; undefined if
 * the handler may run.
 *
 * @param nowMs Time of the server, in milliseconds since 1970.
 */
export function foresee(fn: ResolvedFunction, delivery: Delivery, nowMs: number): Foreseen | undefined {
  const { subject, stream, history, storedAtMs } = delivery, trigger = triggerFor(fn, subject, stream);
  const number = history.attempts + 1, deaths = history.isUnended ? history.deaths ?? 1 : 0;
  const outcome = checkDelivery({
    ...fn.policy,
    subject,
    decoded: decode(delivery, trigger && schemaOf(trigger), fn.policy.decode),
    isListenedTo: trigger !== undefined,
    isCounted: true,
    stateError: undefined,
    ending: undefined,
    lastError: history.lastError,
    isUnended: deaths > 0,
    isDelayed: false,
    number: fn.policy.order?.onFailure === "block" ? blockedNumber({ ...fn.policy, number, deaths }) : number,
    excusedDeliveries: 0,
    otherReleaseDeliveries: 0,
    ageMs: nowMs - storedAtMs,
    nowMs,
    serverNowMs: nowMs,
    random: 0,
  });
  if (outcome?.kind !== "dead-letter" && outcome?.kind !== "retry") return undefined;
  return { reason: outcome.reason, message: outcome.error?.message ?? "" };
}
