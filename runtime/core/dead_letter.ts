/** Every {@linkcode DeadLetterReason}; `deploy/METRICS.md` lists them for readers of metrics. */
export const DEAD_LETTER_REASONS = [
  "attempts-exhausted",
  "rejected",
  "invalid",
  "expired",
  "crashed",
  "looped",
  "cancelled",
  "parked",
] as const;
/** Reason of a dead letter. */
export type DeadLetterReason = typeof DEAD_LETTER_REASONS[number];

/** An event that a function could not handle, as `DEAD_LETTERS` or `RETRIES` stores it. */
export interface UnhandledEvent {
  /** Position in that stream, by which every command names it. */
  readonly sequence: number;
  readonly function: string;
  /** In `DEAD_LETTERS` a {@linkcode DeadLetterReason}, or one of another release. In `RETRIES` why the event waits. */
  readonly reason: string;
  /** Subject of the original, which is the type of its event. */
  readonly type: string;
  readonly id: string;
  readonly attempts: number;
  readonly error: string;
  /** Stream of the original, which may have been removed since. */
  readonly stream: string;
  readonly streamSequence: number;
}

/** Selects unhandled events; an omitted field selects all. */
export interface UnhandledEventFilter {
  readonly function?: string;
  readonly type?: string;
  /** Greatest number, oldest first. */
  readonly limit?: number;
}

/** A dead letter, without its payload. */
export interface DeadLetter extends UnhandledEvent {
  /** Time of the dead letter: an RFC 3339 timestamp. */
  readonly time: string;
  /** Number of earlier redrives. */
  readonly redrives: number;
}

/** A dead letter with its headers and its payload. */
export interface DeadLetterContent extends DeadLetter {
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

/** Selects dead letters. */
export interface DeadLetterFilter extends UnhandledEventFilter {
  readonly reason?: string;
  /** Least age. */
  readonly olderThanMs?: number;
  /** Greatest age. */
  readonly newerThanMs?: number;
  /** A text that the error contains, or the id of a {@linkcode DeadLetterGroup}. */
  readonly error?: string;
  /** Sequence after which the list begins. */
  readonly after?: number;
}

/** Dead letters of one function, type and reason whose errors differ only in numbers, ids and quoted texts. */
export interface DeadLetterGroup {
  /** Ten hexadecimal digits. */
  readonly id: string;
  readonly function: string;
  readonly type: string;
  readonly reason: string;
  /** Pattern of the errors. */
  readonly error: string;
  readonly count: number;
  /** Time of the first and of the last dead letter: RFC 3339 timestamps. */
  readonly first: string;
  readonly last: string;
  /** Sequence of the oldest. */
  readonly sample: number;
}

export interface DeadLetterGroups {
  /** The largest first. */
  readonly groups: readonly DeadLetterGroup[];
  /** Number of dead letters beyond the greatest number of groups. */
  readonly ungrouped: number;
}

/** Result of the redrive of one dead letter. */
export type Redriven =
  | "redriven"
  /** The dead letter was redriven as often as is allowed. */
  | "held-back"
  /** The function of the dead letter has no consumer. It was removed, or has never been started on this cluster. */
  | "no-function"
  /** It waits for an earlier event of its key, and returns by itself. */
  | "parked"
  /** The payload and the headers of a redrive exceed the server's `max_payload`. */
  | "too-large"
  /** No dead letter has that sequence: it was redriven or discarded before. */
  | "missing";
