import { errorText, type Outcome, reasonOf } from "../../core/outcome.ts";
import { covers, subjectProblem } from "../../core/subjects.ts";
import type { Attempt } from "../../engine/attempt.ts";
import type { Settled } from "../../engine/observer.ts";

/** Interval of a client's requests in milliseconds. */
export const REQUEST_MS = 1_000;
/** How long a process answers after a client's last request, in milliseconds: five intervals survive a reconnect. */
export const LEASE_MS = 5_000;
/**
 * Greatest number of lines a second that one tail gets from all processes together. A reader cannot follow more lines,
 * and each costs the processes time.
 */
export const MAX_PER_SECOND = 1_000;
/** Maximum length of a text in a report. A report identifies an event, and carries none of its data. */
const MAX_TEXT = 300;
/**
 * Maximum bytes of a request and of a report: a character may take six bytes, the names of streams are up to 255 long,
 * and a project may have many subjects.
 */
const MAX_REQUEST_BYTES = 32_768, MAX_REPORT_BYTES = 65_536;
/** Maximum number of single events in a request. */
export const MAX_EVENTS = 100;
/** Maximum number of emitted events in a report. */
const MAX_EMITTED = 50;

export interface TailRequest {
  readonly function?: string;
  /** An event type or a pattern of subjects. */
  readonly type?: string;
  /** Single events, as `STREAM:SEQUENCE`. Their reports name what was emitted. Default: every event. */
  readonly events?: readonly string[];
  /** Maximum reports a second of one process. */
  readonly perSecond: number;
  /** True when the client stops. */
  readonly end?: boolean;
}

export interface SettledReport {
  readonly time: string;
  readonly function: string;
  readonly type: string;
  readonly subject: string;
  readonly id: string;
  readonly stream: string;
  readonly sequence: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  readonly outcome: Outcome["kind"];
  /** Reason for an ack without a run, a retry, or a dead letter. */
  readonly reason?: string;
  readonly delayMs?: number;
  /** True when the retry used up the attempt. */
  readonly usesAttempt?: boolean;
  readonly durationMs: number;
  /** First line of the error, with secrets redacted. */
  readonly error?: string;
  readonly traceId: string;
  /** The events that the function has emitted. Absent unless the request names events. */
  readonly emitted?: readonly { readonly id: string; readonly type: string }[];
}

/** A process's message to a client. An empty one only says that the process is there. */
interface TailReport {
  readonly process: string;
  /** Subjects that the streams of the process's project store. The client may have an older version of the project. */
  readonly subjects?: readonly string[];
  readonly settled?: SettledReport;
  /** Deliveries of the last second that were not reported. */
  readonly omitted?: number;
}

/** Parses a request. Returns undefined for any other message on the subject. */
export function parseRequest(bytes: Uint8Array): TailRequest | undefined {
  const request = parseObject(bytes, MAX_REQUEST_BYTES) as Partial<TailRequest> | undefined;
  const { function: fn, type, events, perSecond, end } = request ?? {};
  if (!Number.isInteger(perSecond) || perSecond! < 1 || perSecond! > MAX_PER_SECOND) return undefined;
  if (fn !== undefined && typeof fn !== "string") return undefined;
  if (type !== undefined && (typeof type !== "string" || subjectProblem(type))) return undefined;
  if (events !== undefined && !isEventList(events)) return undefined;
  return { function: fn, type, events, perSecond: perSecond!, end: end === true };
}

function isEventList(events: unknown): boolean {
  return Array.isArray(events) && events.length <= MAX_EVENTS && events.every((one) => typeof one === "string");
}

/** Parses a report. Returns undefined for any other message. */
export function parseReport(bytes: Uint8Array): TailReport | undefined {
  const report = parseObject(bytes, MAX_REPORT_BYTES) as TailReport | undefined;
  if (typeof report?.process !== "string") return undefined;
  return { ...report, subjects: Array.isArray(report.subjects) ? report.subjects.filter(isEventSubject) : undefined };
}

/** Returns whether a project's stream may store the subject: inboxes and the server's own subjects are not tailed. */
function isEventSubject(subject: unknown): boolean {
  return typeof subject === "string" && subjectProblem(subject) === undefined && !/^(\$|_INBOX\.|>)/.test(subject);
}

function parseObject(bytes: Uint8Array, maxBytes: number): object | undefined {
  if (bytes.length > maxBytes) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Returns whether a request asks for a delivery. */
export function matches(
  { function: fn, type, events }: TailRequest,
  { functionName, delivery, event }: Attempt,
): boolean {
  if (events && !events.includes(`${delivery.stream}:${delivery.sequence}`)) return false;
  if (fn !== undefined && fn !== functionName) return false;
  return type === undefined || type === event.type || covers(type, delivery.subject);
}

/** Returns what a function has emitted in an attempt; undefined unless it was acked, since else nothing is published. */
export function emittedIn({ attempt: { emitted }, outcome }: Settled): SettledReport["emitted"] {
  if (outcome.kind !== "ack") return undefined;
  return emitted.slice(0, MAX_EMITTED).map(({ id, type }) => ({ id: truncate(id), type }));
}

/** Returns the report of a delivery: short texts, and nothing of the payload. */
export function settledReport(
  { attempt: { functionName, delivery, event, number, span }, outcome, durationMs }: Settled,
  nowMs: number,
  redact: (text: string) => string,
): SettledReport {
  const error = "error" in outcome && outcome.error ? errorText(outcome.error) : undefined;
  const { stream, sequence } = delivery;
  return {
    time: new Date(nowMs).toISOString(),
    function: functionName,
    type: truncate(event.type),
    subject: truncate(delivery.subject),
    id: truncate(event.id),
    stream,
    sequence,
    attempt: number,
    outcome: outcome.kind,
    reason: reasonOf(outcome),
    ...(outcome.kind === "retry" && { delayMs: outcome.delayMs, usesAttempt: outcome.usesAttempt }),
    durationMs: Math.round(durationMs * 1_000) / 1_000,
    // Truncated after redaction, which would not recognize half a secret.
    error: error === undefined
      ? undefined
      : truncate(redact(error.slice(0, 10 * MAX_TEXT)).trimStart().split("\n", 1)[0]),
    traceId: span.spanContext().traceId,
  };
}

function truncate(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}…` : text;
}
