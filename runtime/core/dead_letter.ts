/** A dead letter, without its payload. */
export interface DeadLetter {
  /** Its position in `DEAD_LETTERS`: what names it to every command. */
  readonly sequence: number;
  readonly function: string;
  readonly reason: string;
  /** The subject it came on, which is its event's type. */
  readonly type: string;
  readonly id: string;
  readonly attempts: number;
  readonly error: string;
  /** Where its original is, or was. */
  readonly stream: string;
  readonly streamSequence: number;
  /** When it ended here: an RFC 3339 timestamp. */
  readonly time: string;
  /** How often it has been sent back to its function already. */
  readonly redrives: number;
}

/** A dead letter with all of its content. */
export interface DeadLetterContent extends DeadLetter {
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

/** Which dead letters are meant; what is left out does not matter. */
export interface DeadLetterFilter {
  readonly function?: string;
  readonly reason?: string;
  readonly type?: string;
  /** Only those that ended here at least so long ago. */
  readonly olderThanMs?: number;
  /** Only those that ended here at most so long ago. */
  readonly newerThanMs?: number;
  /** Only the first so many. */
  readonly limit?: number;
}

/** What became of one dead letter that was to be sent back. */
export type Redriven =
  | "redriven"
  /** It has been sent back so often already that another time would be a loop. */
  | "held-back"
  /** Its function has no consumer to give it to: the function is gone, or was never started there. */
  | "no-function"
  /** With the headers that take it there it is over what NATS takes. */
  | "too-large"
  /** There is no dead letter at that sequence: redriven or discarded before. */
  | "missing";
