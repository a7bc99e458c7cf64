/** Time and randomness, passed in so that a test controls both. */
export interface Clock {
  /** Milliseconds of a clock that never steps, for durations. */
  now(): number;
  /** Returns a number in [0, 1). */
  random(): number;
  /** Calls back once after `delayMs`. Returns a function that cancels the timer. */
  timer(delayMs: number, callback: () => void): () => void;
}

/** A clock that also knows the server's time, which decides about stored times and schedules. */
export interface ServerClock extends Clock {
  /** Milliseconds since 1970 by the server's clock. Until the server's clock is known, those of this host's clock. */
  serverNow(): number;
}
