import { styleText } from "node:util";
import { isSpanContextValid, trace } from "@opentelemetry/api";
import type { Log, LogFields } from "../../api/context.ts";
import type { LogDedup } from "./log_dedup.ts";
import type { Redact } from "./redact.ts";

/** From the most to the least that is written. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** How much is written: a level, and all above it. */
export type LogLevel = typeof LOG_LEVELS[number];
/** `json`: one object a line, for machines. `pretty`: for a person at a terminal. */
type LogFormat = "json" | "pretty";

/** What a logger writes and how. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one line, without its end. Default: standard output. */
  readonly write?: (line: string) => void;
  /** Takes secrets out of a line before it is written. */
  readonly redact?: Redact;
  /** Counts warnings and errors that say the same, instead of writing all of them. */
  readonly repetitions?: LogDedup;
  /** Is given every line that is written, to send it somewhere else as well. */
  readonly send?: (record: LogRecord) => void;
}

/** One line, before it is text. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

const COLOR = { debug: "gray", info: "cyan", warn: "yellow", error: "red" } as const;
const UTF8 = new TextEncoder();

/** A structured logger; `fields` go on every line of it. */
export class Logger implements Log {
  readonly #write: (line: string) => void;

  constructor(readonly options: LogOptions, readonly fields: LogFields | (() => LogFields) = {}) {
    this.#write = options.write ?? writeLine;
  }

  /** A logger with more fields. Given as a function, they are only made when a line is written. */
  child(fields: LogFields | (() => LogFields)): Logger {
    return new Logger(this.options, () => ({ ...resolve(this.fields), ...resolve(fields) }));
  }

  /** Whether a line of that level would be written. */
  enabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.options.level);
  }

  readonly debug = (message: string, fields?: LogFields): void => this.line("debug", message, fields);
  readonly info = (message: string, fields?: LogFields): void => this.line("info", message, fields);
  readonly warn = (message: string, fields?: LogFields): void => this.line("warn", message, fields);
  readonly error = (message: string, fields?: LogFields): void => this.line("error", message, fields);

  line(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!this.enabled(level)) return;
    let all: LogFields;
    try {
      all = { ...activeSpan(), ...resolve(this.fields), ...fields };
    } catch (error) {
      all = { unwritable_fields: String(error) };
    }
    if (this.#heldBack(level, message, all)) return;
    this.#put(level, message, all);
  }

  /** What a handler says of its own work, at `info` and below, is never one time too many. */
  #heldBack(level: LogLevel, message: string, fields: LogFields): boolean {
    if (level !== "warn" && level !== "error") return false;
    const who = fields.function, { error } = fields;
    const cause = error instanceof Error ? error.message : typeof error === "string" ? error : "";
    return this.options.repetitions?.holdsBack(level, who, `${message} ${cause}`, (heldBack, windowMs) => {
      const more = `${message} … and ${heldBack.toLocaleString("en")} more in ${windowMs / 1_000} s`;
      this.#put(level, more, { ...(who !== undefined && { function: who }), held_back: heldBack });
    }) ?? false;
  }

  #put(level: LogLevel, message: string, fields: LogFields): void {
    const { redact = same, send } = this.options;
    const time = new Date().toISOString();
    const render = this.options.format === "json" ? json : pretty;
    let line: string;
    try {
      line = render(time, level, redact(message), fields, redact);
    } catch (error) {
      line = render(time, level, redact(message), { unwritable_fields: String(error) }, redact);
    }
    try {
      this.#write(line);
    } catch {
      // A reader that went away must not end us: there is nobody to tell.
    }
    send?.({ level, message, fields });
  }
}

/** A line belongs to the span it is written in, unless it says otherwise. */
function activeSpan(): LogFields {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

function same(text: string): string {
  return text;
}

function json(time: string, level: LogLevel, message: string, fields: LogFields, redact: Redact): string {
  const own = { time, level, message }; // first on the line, and no field's to change
  return stringify({ ...own, ...fields, ...own }, redact);
}

function resolve(fields: LogFields | (() => LogFields)): LogFields {
  return typeof fields === "function" ? fields() : fields;
}

function pretty(time: string, level: LogLevel, message: string, fields: LogFields, redact: Redact): string {
  const { function: fn, span_id: _span, ...rest } = fields;
  const text = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === "string" ? redact(value) : stringify(value, redact)}`)
    .join(" ");
  const who = fn === undefined ? "" : styleText("bold", `${fn} `);
  return `${dim(time.slice(11, 23))} ${styleText(COLOR[level], level.padEnd(5))} ${who}${message} ${dim(text)}`;
}

/** Colours come out only on a terminal that shows them, and where `NO_COLOR` does not forbid it. */
function dim(text: string): string {
  return styleText("gray", text);
}

/** JSON that an error, a bigint or a circle does not break: a log line must never be what fails. */
function stringify(value: unknown, redact: Redact): string {
  const seen = new WeakSet<object>();
  return JSON.stringify(value, (_key, inner) => {
    if (typeof inner === "string") return redact(inner);
    if (typeof inner === "bigint") return String(inner);
    if (typeof inner !== "object" || inner === null) return inner;
    if (seen.has(inner)) return "[seen above]";
    seen.add(inner);
    if (inner instanceof Error) {
      return { name: inner.name, message: inner.message, stack: inner.stack, cause: inner.cause };
    }
    return inner;
  }) ?? "undefined";
}

function writeLine(line: string): void {
  const bytes = UTF8.encode(line + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
