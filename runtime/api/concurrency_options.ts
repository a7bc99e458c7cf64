import type { Duration } from "../core/duration.ts";
import type { DecodeMode } from "../core/payload.ts";
import type { EventOf, Trigger } from "./trigger.ts";

/** Concurrency of a function whose keys share its handlers: no key takes more than its share. */
export interface KeyConcurrency<
  On extends Trigger | readonly Trigger[] = Trigger | readonly Trigger[],
  Mode extends DecodeMode | undefined = undefined,
> {
  /**
   * Events that one process handles at once.
   *
   * @default {16}
   */
  readonly limit?: number;
  /** Events of one key that one process handles at once, up to `limit`. */
  readonly perKey: number;
  /**
   * Returns the key of an event, such as its tenant. Keys take turns for free handlers. Events of a key that has its
   * share wait in memory up to a bound, and beyond it are retried when their turn comes. If it throws, or returns no
   * text, the attempt has failed.
   */
  by(event: EventOf<On, Mode>): string;
}

/** Concurrency that follows from how long the handler takes, in each process by itself. */
export interface AdaptiveConcurrency {
  /**
   * Least number of events that one process handles at once.
   *
   * @default {1}
   */
  readonly min?: number;
  /** Greatest number of events that one process handles at once. */
  readonly max: number;
  /**
   * Median duration of the handler that is still good. Below it the process handles more at once, above it fewer. A
   * timeout, a failed call of a dependency and a `RetryAfterError` lower the number as well.
   */
  readonly target: Duration;
}
