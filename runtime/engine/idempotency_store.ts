/** Exclusive right of one delivery to handle an event. */
export interface Claim {
  /** Stores that the event was handled. Rejects when that is not known to be stored. */
  complete(): Promise<void>;
  /** Gives the claim up: another delivery may handle the event. */
  release(): Promise<void>;
}

/** Answer to a claim: granted, handled before (`done`), or claimed by another delivery (`in-progress`). */
export type ClaimResult =
  | { readonly kind: "claimed"; readonly claim: Claim }
  | { readonly kind: "done" }
  | { readonly kind: "in-progress" };

/** Remembers which events a function has handled. */
export interface IdempotencyStore {
  /**
   * Claims an event for one delivery.
   *
   * @param key Identifies the event among the events of the function.
   * @param leaseMs Time after which the claim of a process that died ends, in milliseconds.
   * @param ttlMs Time for which a handled event is remembered, in milliseconds.
   */
  claim(functionName: string, key: string, leaseMs: number, ttlMs: number): Promise<ClaimResult>;
}
