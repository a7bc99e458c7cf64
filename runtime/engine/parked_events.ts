/** A key whose first event is a dead letter, or was sent back and has not ended. */
export interface StoredKey {
  readonly key: string;
  /** Sequence of the dead letter that its first event is, or was before it was sent back. */
  readonly head: number;
  /** True if that event was sent back, or must be since the one that it waited for is no more. */
  readonly isReturning: boolean;
}

/** A dead letter of a key. */
export interface ParkedEvent {
  readonly sequence: number;
  /** False for the dead letter of an event that failed: an operator decides when it returns. */
  readonly isParked: boolean;
}

/** The dead letters of functions with `onFailure: "park"`. Each method rejects while the store does not answer. */
export interface ParkedEvents {
  /** Resolves to the number of dead letters of a function, with and without a key. */
  stored(functionName: string): Promise<number>;
  /** Resolves to the keys of a function of which events are dead letters or were sent back. */
  load(functionName: string): Promise<readonly StoredKey[]>;
  /** Resolves to the state of a dead letter; undefined once it was handled or discarded. */
  find(functionName: string, sequence: number): Promise<"dead-letter" | "returning" | undefined>;
  /** Resolves to the number of events of a function that were sent back and are not settled. */
  returning(functionName: string): Promise<number>;
  /** Resolves to the dead letters of a key: those of events that failed, and then the parked ones in their order. */
  list(functionName: string, key: string): Promise<readonly ParkedEvent[]>;
  /** Sends a dead letter back to its function. Resolves also if there is none any more. */
  sendBack(sequence: number): Promise<void>;
}
