import type { Duration } from "../core/duration.ts";
import type { DecodeMode } from "../core/payload.ts";
import type { EventOf, Trigger } from "./trigger.ts";

/** Policy of a function whose starts are limited, over all processes. */
export interface RateOptions<
  On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[],
  Mode extends DecodeMode | undefined = undefined,
> {
  /** Greatest number of starts of the handler in any time of `per`. */
  readonly limit: number;
  /** Length of that time, at least 100 ms. */
  readonly per: Duration;
  /**
   * Returns the key of an event, such as its tenant: each key has a limit of its own. An event whose key has no starts
   * left is retried later, and the events of other keys go on. If it throws, or returns no text, the attempt has
   * failed. Default: one limit for all events.
   */
  by?(event: EventOf<On, Mode>): string;
}
