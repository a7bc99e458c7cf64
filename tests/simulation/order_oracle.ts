import { ORDER_KEY } from "../../runtime/nats/dead_letters/dead_letters.ts";
import { NAME, orderKey } from "./events.ts";
import { headerOf } from "./model.ts";
import type { Account } from "./ledger.ts";
import type { Replica } from "./replica.ts";
import type { World } from "./world.ts";

/** Watches the starts of a function with `order`: those of a key in the order of the stream, and never two at once. */
export class OrderOracle {
  readonly problems: string[] = [];

  /** Records that a handler begins. Called before the run is among those of the world. */
  began({ ledger, runs, model }: World, replica: Replica, { plan, seq }: Account): void {
    const isOfKey = (other: Account) => keyOf(other) === orderKey(numberOf(plan.id));
    for (const other of ledger.accounts.values()) {
      if (!isOfKey(other) || numberOf(other.plan.id) >= numberOf(plan.id)) continue;
      if (other.plan.trouble === "invalid") continue; // no process can read its key, so it has no place
      if (other.faultsBeforeEnd === undefined) {
        this.problems.push(`${plan.id} (${seq}) began before ${other.plan.id} ended`);
      } else if (isParking(model, other) && !other.succeededIn.values().some(Boolean)) {
        // If it was handled before its process died, what was parked behind it had been sent back already.
        this.problems.push(`${plan.id} began while ${other.plan.id} parks its key`);
      }
    }
    for (const run of runs) {
      // The ack waits of a process pass while its handlers run, if it has no connection, or its in-progress acks are late.
      if (!isOfKey(run.account) || run.replica !== replica && (run.replica.wasCut || run.account.overlaps > 0)) {
        continue;
      }
      this.problems.push(`${plan.id} began on ${replica.name} while ${run.account.plan.id} ran on ${run.replica.name}`);
    }
  }
}

/** Returns whether an event is a dead letter with a key, so that no later event of that key may begin. */
function isParking(model: World["model"], { plan }: Account): boolean {
  return model.messages("DEAD_LETTERS").some(({ headers }) =>
    headerOf(headers, NAME) === plan.id && headerOf(headers, ORDER_KEY) !== undefined
  );
}

function keyOf({ plan }: Account): string {
  return orderKey(numberOf(plan.id));
}

function numberOf(id: string): number {
  return Number(id.slice(1));
}
