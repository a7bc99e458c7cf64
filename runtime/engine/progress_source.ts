/** A stored event whose progress can be followed. */
export interface FollowedEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** Name of its stream in NATS. */
  readonly stream: string;
  readonly sequence: number;
  /** Time at which it was stored, in milliseconds since 1970. */
  readonly storedAtMs: number;
  /** Further attributes, such as `authid`. */
  readonly extensions: Readonly<Record<string, string>>;
}

/** One thing that a function has done with an event. */
export interface ProgressStep {
  readonly function: string;
  readonly outcome: "ack" | "retry" | "dead-letter";
  /** Number of the attempt, from 1. Undefined if the event was settled before it was followed. */
  readonly attempt?: number;
  /** Reason of a retry, of a dead letter, or of an ack without a run. */
  readonly reason?: string;
  /** Milliseconds until the next attempt. */
  readonly delayMs?: number;
  /** Events that the function has emitted for it. Undefined if that is not known. */
  readonly emitted?: readonly { readonly id: string; readonly type: string }[];
  /** Whether the function is done with the event. */
  readonly isLast: boolean;
}

/** Tells what becomes of stored events, whichever process handles them. */
export interface ProgressSource {
  /** Resolves to the events with an id that JetStream still remembers: those of its duplicate window. */
  find(id: string, source: string): Promise<readonly FollowedEvent[]>;
  /** Resolves to the event at a position; undefined if there is none whose progress may be followed. */
  read(stream: string, sequence: number): Promise<FollowedEvent | undefined>;
  /** Returns the names of the functions that handle an event. */
  functionsOf(event: FollowedEvent): readonly string[];
  /** Calls back with each step, until each function has had its last one. Returns a function that ends it. */
  follow(event: FollowedEvent, onStep: (step: ProgressStep) => void): () => void;
}
