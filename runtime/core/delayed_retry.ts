/** An event that waits in the stream `RETRIES` for its next attempt. */
export interface DelayedRetry {
  /** Position in `RETRIES`, by which every command names it. */
  readonly sequence: number;
  readonly function: string;
  /** Subject of the original, which is the type of its event. */
  readonly type: string;
  readonly id: string;
  /** Time of its next attempt: an RFC 3339 timestamp. */
  readonly due: string;
  /** Attempts used up. */
  readonly attempts: number;
  /** Reason of the retry, such as `failed`. */
  readonly reason: string;
  readonly error: string;
  /** Stream of the original. */
  readonly stream: string;
  readonly streamSequence: number;
}

/** Selects delayed retries; an omitted field selects all. */
export interface DelayedRetryFilter {
  readonly function?: string;
  readonly type?: string;
  /** Greatest number, oldest first. */
  readonly limit?: number;
}
