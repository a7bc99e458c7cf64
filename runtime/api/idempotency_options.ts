import type { Duration } from "../core/duration.ts";
import type { DecodeMode } from "../core/payload.ts";
import type { EventOf, Trigger } from "./trigger.ts";

/** Policy of a function that remembers the events it has handled. */
export interface IdempotencyOptions<
  On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[],
  Mode extends DecodeMode | undefined = undefined,
> {
  /**
   * Returns the idempotency key of an event, such as an order's number. An id is unique within its source only, so a
   * key made of `id` needs `source` too. For a message without an id, `id` is its stream, sequence and time here: if
   * the stream is created again, it reuses the sequences. Default: the event's source and id.
   */
  key?(event: EventOf<On, Mode>): string;
  /**
   * Time that a handled event is remembered, at least one second.
   *
   * @default {"7d"}
   */
  readonly ttl?: Duration;
}
