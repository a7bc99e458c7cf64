import type { UnhandledEvent, UnhandledEventFilter } from "./dead_letter.ts";

/**
 * An event that waits in the stream `RETRIES` for its time: one that its function retries, or one that the function has
 * emitted with a delay.
 */
export interface DelayedRetry extends UnhandledEvent {
  readonly kind: "retry" | "event";
  /** Time of the next attempt, or of the publish of a delayed event: an RFC 3339 timestamp. */
  readonly due: string;
  /** Key that cancels a delayed event. Default: none. */
  readonly key?: string;
}

/** Selects delayed retries and delayed events. */
export type DelayedRetryFilter = UnhandledEventFilter;
