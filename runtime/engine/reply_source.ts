import type { WeirEvent } from "../core/event.ts";

/** The value of a field that an event and its reply have in common. */
export interface ReplyKey {
  /** Types of the events that may be the reply. */
  readonly types: readonly string[];
  readonly field: string;
  readonly value: string | number;
}

/** Hears the events that reply to others. */
export interface ReplySource {
  /** Calls back with each event that has the key. Returns a function that ends it. */
  listen(key: ReplyKey, onReply: (event: WeirEvent) => void): () => void;
}
