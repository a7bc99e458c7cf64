import type { Outcome } from "../../runtime/core/outcome.ts";
import type { Account } from "./ledger.ts";
import type { Replica } from "./replica.ts";

/** Watches what a process does that has stood still: it must neither begin nor settle what it has lost. */
export class LeaseOracle {
  readonly problems: string[] = [];
  /** Events whose handler has begun, and is not decided, by process. */
  readonly #begun = new Map<Replica, Set<string>>();
  /** Messages that others received while the process stood still, and whose handlers had not begun. */
  readonly #lost = new Map<Replica, Set<string>>();

  /** Records that a handler begins. */
  began(replica: Replica, { plan }: Account): void {
    setOf(this.#begun, replica).add(plan.id);
  }

  /** Records a redelivery after the ack wait. Returns whether the process that has the message has lost it by that. */
  redelivered(holder: Replica, messageKey: string, id: string): boolean {
    if (!holder.losesLeases || setOf(this.#begun, holder).has(id)) return false;
    setOf(this.#lost, holder).add(messageKey);
    return true;
  }

  delivered(replica: Replica, messageKey: string): void {
    this.#lost.get(replica)?.delete(messageKey);
  }

  /** Records that a process has settled a message whose event it has assigned to a partition. */
  routed(replica: Replica, messageKey: string, { plan, forks }: Account, outcome: Outcome): void {
    if (outcome.kind === "lease-expired" || !this.#lost.get(replica)?.has(messageKey) || forks > 0) return;
    this.problems.push(`${plan.id}: ${replica.name} settled it, though its lease had expired`);
  }

  decided(replica: Replica, messageKey: string, { plan, forks }: Account, outcome: Outcome): void {
    const hadBegun = setOf(this.#begun, replica).delete(plan.id);
    if (outcome.kind === "lease-expired" || hadBegun || !this.#lost.get(replica)?.has(messageKey)) return;
    // A process may hold an event twice that was duplicated, and its handlers are told apart by the event.
    if (forks === 0) this.problems.push(`${plan.id}: ${replica.name} settled it, though its lease had expired`);
  }
}

function setOf<Key>(sets: Map<Key, Set<string>>, key: Key): Set<string> {
  let set = sets.get(key);
  if (!set) sets.set(key, set = new Set());
  return set;
}
