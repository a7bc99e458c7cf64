/** Time and randomness, passed in so that a test controls both. */
export interface Clock {
  /** Milliseconds since 1970; a monotonic clock counts from its own start. */
  now(): number;
  /** Returns a number in [0, 1). */
  random(): number;
  /** Calls back once after `delayMs`. Returns a function that cancels the timer. */
  timer(delayMs: number, callback: () => void): () => void;
}
