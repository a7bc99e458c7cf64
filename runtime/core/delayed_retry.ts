import type { UnhandledEvent, UnhandledEventFilter } from "./dead_letter.ts";

/** An event that waits in the stream `RETRIES` for its next attempt. */
export interface DelayedRetry extends UnhandledEvent {
  /** Time of its next attempt: an RFC 3339 timestamp. */
  readonly due: string;
}

/** Selects delayed retries. */
export type DelayedRetryFilter = UnhandledEventFilter;
