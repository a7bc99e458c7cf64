import { decideOutcome } from "../core/decide_outcome.ts";
import { blockedNumber, keepHead, parkedBehind, parksKey } from "../core/order.ts";
import type { Outcome } from "../core/outcome.ts";
import type { OrderPolicy } from "../project/order_policy.ts";
import type { Attempt } from "./attempt.ts";
import { resultOfThrown } from "./handler_runner.ts";
import type { ParkedKeys } from "./parked_keys.ts";

/** The effect of a failed event on its key, and of a parked key on its events, by the function's `onFailure`. */
export class KeyFailures {
  /** @param parked Undefined if no key is parked: then `park` makes a dead letter, and later events go on. */
  constructor(readonly policy: OrderPolicy, readonly parked: ParkedKeys | undefined) {}

  /**
   * Returns the outcome of an attempt whose `by` failed, or whose key is parked; undefined for any other.
   *
   * @param isMain False for an event of RETRIES, for which no key is parked.
   */
  refusal(attempt: Attempt, isMain: boolean): Outcome | undefined {
    const { error, key } = attempt.turn!;
    if (error !== undefined) return decideOutcome(resultOfThrown(error), attempt);
    return isMain && key !== undefined && this.parked?.has(key) ? parkedBehind(key, attempt) : undefined;
  }

  /** Lets an event that blocks its key run again, whatever its attempts, unless it keeps killing its process. */
  keepTrying(attempt: Attempt): void {
    if (this.#blocks(attempt)) attempt.number = blockedNumber(attempt);
  }

  #blocks({ turn }: Attempt): boolean {
    const { onFailure } = this.policy, key = turn?.key;
    return onFailure === "block" || onFailure === "park" && key !== undefined && this.parked?.isFullFor(key) === true;
  }

  /**
   * Lets an event run although an earlier process had decided to park it, and died, if its key is not parked any more. Its
   * dead letter may have returned meanwhile, so that it runs twice, or may never have been stored.
   */
  unpark(attempt: Attempt): void {
    const key = attempt.turn?.key;
    if (attempt.ending?.reason === "parked" && !this.parked?.has(key ?? "")) attempt.ending = undefined;
  }

  /** Returns the outcome of an attempt. A dead letter that parks its key names it. */
  decided(attempt: Attempt, outcome: Outcome): Outcome {
    const key = attempt.turn?.key;
    if (key === undefined || this.policy.onFailure === "dead-letter") return outcome;
    if (attempt.ending) { // its process died before it was settled
      if (parksKey(outcome) && outcome.orderKey === key) this.parked?.park(key);
      return outcome;
    }
    if (this.policy.onFailure === "block") return keepHead(outcome, attempt);
    if (!this.parked || !parksKey(outcome)) return outcome;
    return this.parked.park(key) ? { ...outcome, orderKey: key } : keepHead(outcome, attempt);
  }

  /** Lets the next event of a key return, if its first one returned and is about to end. */
  async ends({ turn, delivery: { deadLetterSequence } }: Attempt, outcome: Outcome): Promise<void> {
    if (!this.parked || turn?.key === undefined || deadLetterSequence === undefined) return;
    const ends = outcome.kind === "ack" || outcome.kind === "dead-letter" && outcome.orderKey === undefined;
    if (ends) await this.parked.ends(turn.key, deadLetterSequence);
  }
}
