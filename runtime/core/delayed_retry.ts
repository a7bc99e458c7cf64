/** An event that waits, outside its consumer, for its next attempt. */
export interface DelayedRetry {
  /** Its position in `RETRIES`: what names it to every command. */
  readonly sequence: number;
  readonly function: string;
  /** The subject it came on, which is its event's type. */
  readonly type: string;
  readonly id: string;
  /** When its next attempt is due: an RFC 3339 timestamp. */
  readonly due: string;
  /** How many attempts it has used up. */
  readonly attempts: number;
  /** Why it waits. */
  readonly reason: string;
  readonly error: string;
  /** Where it was at first. */
  readonly stream: string;
  readonly streamSequence: number;
}

/** Which parked events are meant; what is left out does not matter. */
export interface DelayedRetryFilter {
  readonly function?: string;
  readonly type?: string;
  /** Only the first so many. */
  readonly limit?: number;
}
