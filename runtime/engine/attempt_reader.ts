import { parserOf } from "../api/define_event.ts";
import { decode, type Parse } from "../core/cloudevent.ts";
import { type ResolvedFunction, type ResolvedTrigger, triggerFor } from "../project/resolve_function.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptStore } from "./attempt_store.ts";

/** Reads what a function must know of a delivery before it can be checked: its event, and its attempt's number. */
export class AttemptReader {
  /** Type and schema of the event of each trigger that has one. */
  readonly #schemas: ReadonlyMap<ResolvedTrigger, { readonly type: string; readonly parse: Parse }>;

  constructor(readonly fn: ResolvedFunction, readonly store: AttemptStore) {
    this.#schemas = new Map(
      fn.triggers.flatMap((trigger) => {
        const { pattern: type, event } = trigger;
        return event ? [[trigger, { type, parse: parserOf(event) }]] : [];
      }),
    );
  }

  decode(attempt: Attempt): void {
    const { delivery } = attempt, trigger = attempt.trigger = triggerFor(this.fn, delivery.subject);
    attempt.decoded = decode(delivery, trigger && this.#schemas.get(trigger));
  }

  /** Reads the stored counts of a redelivery. A failure becomes the attempt's `stateError`. */
  async readCounts(attempt: Attempt): Promise<void> {
    try {
      attempt.applyCounts(await this.store.read(this.fn.name, attempt.delivery));
    } catch (error) {
      attempt.stateError = error;
    }
  }
}
