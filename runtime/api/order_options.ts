import type { DecodeMode } from "../core/payload.ts";
import type { EventOf, Trigger } from "./trigger.ts";

/** Policy of a function that handles the events of each key one at a time, in the order of their stream. */
export interface OrderOptions<
  On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[],
  Mode extends DecodeMode | undefined = undefined,
> {
  /**
   * Returns the key of an event, such as its customer. If it throws, or returns no text, the attempt has failed, and
   * the event holds up no other.
   */
  by(event: EventOf<On, Mode>): string;
  /**
   * Treatment of the first event of a key once it has used up its attempts, while later events of the key wait for it.
   * `block` retries it, at intervals of `retry.max`, until it is handled or cancelled, or its process has died in
   * `retry.attempts` attempts in a row. `dead-letter` makes it a dead letter, and the next event of the key begins. `park`
   * makes it a dead letter too, and with it the later events of the key, without running them: they return, in their
   * order, once the first is redriven or discarded.
   *
   * @default {"block"}
   */
  readonly onFailure?: "block" | "dead-letter" | "park";
  /**
   * Number of parts, from 2 to 64, among which the keys are divided. Each part is handled by one process at a time, up to
   * `concurrency` keys at once, and the processes share the parts evenly. Every event is stored once more on its way.
   * Default: one process handles all keys.
   */
  readonly partitions?: number;
}
