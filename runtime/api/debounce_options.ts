import type { Duration } from "../core/duration.ts";
import type { DecodeMode } from "../core/payload.ts";
import type { EventOf, Trigger } from "./trigger.ts";

/** Policy of a function that handles only the last event of a burst, once no other has come for a while. */
export interface DebounceOptions<
  On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[],
  Mode extends DecodeMode | undefined = undefined,
> {
  /** Time without another event of the key, after which the last event is handled. At least one second. */
  readonly quiet: Duration;
  /** Longest time from the first event of a burst until its last one is handled. Default: no limit. */
  readonly max?: Duration;
  /**
   * Returns the key of an event, such as its document: each key has bursts of its own. If it throws, or returns no
   * text, the attempt has failed. Default: all events are of one key.
   */
  by?(event: EventOf<On, Mode>): string;
}
