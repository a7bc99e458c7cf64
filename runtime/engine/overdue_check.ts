import type { Clock } from "./clock.ts";
import type { KnownEvents } from "./known_events.ts";

/**
 * Time, in milliseconds, after which an event that was given back is no longer waited for: two ack waits. It may have
 * been redelivered while its ack was under way, and does not come again.
 */
const OVERDUE_MS = 30_000;

/** Finds events that wait for one that does not come back. */
export class OverdueCheck {
  #cancel: (() => void) | undefined;
  /** Milliseconds after which an event is overdue. `KeyedOrder` sets fewer where it gives events back for a moment only. */
  ms = OVERDUE_MS;

  constructor(readonly known: KnownEvents, readonly clock: Clock, readonly onOverdue: () => void) {}

  /** Checks from time to time, while several events are known. Call it when an event waits for another. */
  begin(): void {
    this.#cancel ??= this.clock.timer(this.ms, () => {
      this.#cancel = undefined;
      if (this.known.isOverdue(this.clock.now() - this.ms)) this.onOverdue();
      else if (this.known.size > 1) this.begin();
    });
  }

  stop(): void {
    this.#cancel?.();
  }
}
