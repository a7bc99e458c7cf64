import type { Attempt } from "../../engine/attempt.ts";
import type { Outcome } from "../../core/outcome.ts";
import { covers, subjectProblem } from "../../core/subjects.ts";

/**
 * Where whoever wants to see outcomes says so, with an inbox to tell them to. Not under `weir.`, where a project may
 * have events of its own: no stream of a project stores what begins with `$WEIR.`.
 */
export const TAIL_SUBJECT = "$WEIR.tail";
/**
 * Where a process that starts says that it is there, so that whoever looks asks it at once, and not up to a second
 * later. Among the inboxes, since each side may use those anyway: nobody needs a permission for it.
 */
export const HELLO_SUBJECT = "_INBOX.weir.tails";
/** How often it is said: whoever has not heard of it for {@linkcode KEEP_MS} stops telling. */
export const ASK_MS = 1_000;
export const KEEP_MS = 5_000;
/** The most that one second of a tail shows, of all processes together. */
export const MOST_PER_SECOND = 1_000;
/** No text of a word is longer: a word is about an event, and carries nothing of it. */
const LONGEST = 300;
/** What is longer was not written by us: a letter of a text may take six bytes, and a project has many subjects. */
const LARGEST_ASK_BYTES = 4_096, LARGEST_WORD_BYTES = 65_536;

/** What is asked for. */
export interface TailAsk {
  readonly function?: string;
  /** An event type, or a pattern of subjects. */
  readonly type?: string;
  /** As many as this process may tell. */
  readonly perSecond: number;
  /** Nothing any more. */
  readonly end?: boolean;
}

/** One delivery that a process has settled. */
export interface SettledWord {
  readonly time: string;
  readonly function: string;
  readonly type: string;
  readonly subject: string;
  readonly id: string;
  readonly stream: string;
  readonly sequence: number;
  /** Which attempt it was, from 1. */
  readonly attempt: number;
  readonly outcome: Outcome["kind"];
  /** Why it was acked without a run, retried, or given up. */
  readonly reason?: string;
  readonly delayMs?: number;
  /** Whether the retry used up the attempt. */
  readonly usesAttempt?: boolean;
  readonly durationMs: number;
  /** The first line of what went wrong, with secrets taken out. */
  readonly error?: string;
  readonly traceId: string;
}

/** What a process says to whoever asked: that it is there, what it settled, how much it left out. */
interface TailWord {
  readonly process: string;
  /** What the streams of its project store: it may be newer than that of whoever looks. */
  readonly subjects?: readonly string[];
  readonly settled?: SettledWord;
  readonly omitted?: number;
}

/** A delivery that was settled, as the hub of outcomes tells it. */
export interface Settled {
  readonly attempt: Attempt;
  readonly outcome: Outcome;
  readonly durationMs: number;
}

/** Reads what was asked; undefined for anything else that comes on the subject. */
export function readAsk(bytes: Uint8Array): TailAsk | undefined {
  const ask = readJson(bytes, LARGEST_ASK_BYTES) as Partial<TailAsk> | undefined;
  const { function: fn, type, perSecond, end } = ask ?? {};
  if (!Number.isInteger(perSecond) || perSecond! < 1 || perSecond! > MOST_PER_SECOND) return undefined;
  if (fn !== undefined && typeof fn !== "string") return undefined;
  if (type !== undefined && (typeof type !== "string" || subjectProblem(type))) return undefined;
  return { function: fn, type, perSecond: perSecond!, end: end === true };
}

/** Reads what a process said; undefined for anything else. */
export function readWord(bytes: Uint8Array): TailWord | undefined {
  const word = readJson(bytes, LARGEST_WORD_BYTES) as TailWord | undefined;
  if (typeof word?.process !== "string") return undefined;
  return { ...word, subjects: Array.isArray(word.subjects) ? word.subjects.filter(isStored) : undefined };
}

/** Whether a stream of a project may store it: nobody looks at inboxes, nor at what is the server's. */
function isStored(subject: unknown): boolean {
  return typeof subject === "string" && subjectProblem(subject) === undefined && !/^(\$|_INBOX\.|>)/.test(subject);
}

function readJson(bytes: Uint8Array, mostBytes: number): object | undefined {
  if (bytes.length > mostBytes) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether that is asked for. */
export function isAsked({ function: fn, type }: TailAsk, { functionName, delivery, event }: Attempt): boolean {
  if (fn !== undefined && fn !== functionName) return false;
  return type === undefined || type === event.type || covers(type, delivery.subject);
}

/** What is told of a delivery: all of it short, and nothing of its payload. */
export function settledWord(
  { attempt: { functionName, delivery, event, number, span }, outcome, durationMs }: Settled,
  nowMs: number,
  redact: (text: string) => string,
): SettledWord {
  const error = "error" in outcome && outcome.error ? `${outcome.error.name}: ${outcome.error.message}` : undefined;
  const reason = outcome.kind === "ack"
    ? outcome.skipped
    : outcome.kind === "lease-expired"
    ? undefined
    : outcome.reason;
  const { stream, sequence } = delivery;
  return {
    time: new Date(nowMs).toISOString(),
    function: functionName,
    type: short(event.type),
    subject: short(delivery.subject),
    id: short(event.id),
    stream,
    sequence,
    attempt: number,
    outcome: outcome.kind,
    reason,
    ...(outcome.kind === "retry" && { delayMs: outcome.delayMs, usesAttempt: outcome.usesAttempt }),
    durationMs: Math.round(durationMs * 1_000) / 1_000,
    // Cut after secrets are out: half of one would not be found.
    error: error === undefined ? undefined : short(redact(error.slice(0, 10 * LONGEST)).trimStart().split("\n", 1)[0]),
    traceId: span.spanContext().traceId,
  };
}

function short(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST).toWellFormed()}…` : text;
}
