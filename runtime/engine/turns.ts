import { MAX_AWAY_MS } from "../core/order.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Attempt } from "./attempt.ts";
import type { KeyedOrder } from "./keyed_order.ts";
import type { Ports } from "./ports.ts";

/** Waits for an attempt's turn, and reads its counts. Resolves to an outcome if the attempt must be given back. */
export async function takeTurn(
  order: KeyedOrder,
  { attempts }: Pick<Ports, "attempts">,
  attempt: Attempt,
): Promise<Outcome | undefined> {
  const wait = await order.take(attempt);
  if (wait) return wait;
  if (!attempt.isCounted) await attempt.readCounts(attempts);
  order.failures.keepTrying(attempt);
  order.failures.unpark(attempt);
  return undefined;
}

/** Returns the outcome of an attempt that must not begin after the wait for its batch; undefined if it may begin. */
export async function checkTurn(order: KeyedOrder, attempt: Attempt): Promise<Outcome | undefined> {
  return await order.inbox.maySettle(attempt) ? undefined : { kind: "lease-expired" };
}

/**
 * Settles an attempt of a function with `order`, and then lets the next event of its key begin.
 *
 * Invariant: nothing is settled once another process may have the event: its barrier counts the event as unsettled.
 */
export async function settleInOrder(
  order: KeyedOrder,
  { settler, observer }: Pick<Ports, "settler" | "observer">,
  attempt: Attempt,
  decided: Outcome,
): Promise<Outcome> {
  const { functionName, delivery, claim } = attempt, maySettle = await order.inbox.maySettle(attempt);
  const outcome: Outcome = maySettle ? order.failures.decided(attempt, decided) : { kind: "lease-expired" };
  const usedUp = order.needsNoCounts(outcome) ? undefined : attempt.usedUpAfter(outcome),
    inPlace = keepPlace(attempt, outcome);
  order.inbox.settles(delivery);
  if (maySettle && delivery.deadLetterSequence !== undefined) await order.failures.ends(attempt, outcome);
  const settlement = await settler.settle(functionName, delivery, inPlace, usedUp, claim);
  order.settled(attempt, outcome, settlement);
  observer.end(attempt, outcome, settlement);
  return outcome;
}

/** Returns the outcome to settle: an event that is retried keeps its place in its consumer. */
function keepPlace({ turn, nowMs }: Attempt, outcome: Outcome): Outcome {
  if (!turn || outcome.kind !== "retry" || turn.key === undefined && !turn.holdsAll) return outcome;
  if (outcome.reason !== "waits-for-key") turn.dueMs = nowMs + outcome.delayMs;
  return { ...outcome, delayMs: Math.min(outcome.delayMs, MAX_AWAY_MS) };
}
