import { styleText } from "node:util";
import { isSpanContextValid, trace } from "@opentelemetry/api";
import { fieldsOf, isThrown, textOf } from "./log_values.ts";
import type { LogDedup } from "./log_dedup.ts";
import type { Redact } from "./redact.ts";

/** The levels, from the most verbose. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
/** `json`: one object a line, for machines. `pretty`: for a terminal. */
type LogFormat = "json" | "pretty";
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  /** The lowest level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /**
   * Writes one line, which is passed without its line break.
   *
   * @default writes to standard output
   */
  readonly write?: (line: string) => void;
  /**
   * Redacts secrets in a line before it is written.
   *
   * @default nothing is redacted
   */
  readonly redact?: Redact;
  /**
   * Limits repeated warnings and errors.
   *
   * @default all are written
   */
  readonly dedup?: LogDedup;
  /**
   * Receives every line that is written, for another destination. Its record is not redacted.
   *
   * @default none
   */
  readonly send?: (record: LogRecord) => void;
}

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

const COLOR = { debug: "gray", info: "cyan", warn: "yellow", error: "red" } as const;
const UTF8 = new TextEncoder();

/** A structured logger. Each line has the fields of the logger and the ids of the active span. It never throws. */
export class Logger {
  readonly #write: (line: string) => void;

  constructor(readonly options: LogOptions, readonly fields: LogFields | (() => LogFields) = {}) {
    this.#write = options.write ?? writeLine;
  }

  /** Returns a logger with further fields. If given as a function, they are evaluated only for lines that are written. */
  child(fields: LogFields | (() => LogFields)): Logger {
    return new Logger(this.options, () => ({ ...resolve(this.fields), ...resolve(fields) }));
  }

  enabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.options.level);
  }

  readonly debug = (message: unknown, fields?: unknown): void => this.line("debug", message, fields);
  readonly info = (message: unknown, fields?: unknown): void => this.line("info", message, fields);
  readonly warn = (message: unknown, fields?: unknown): void => this.line("warn", message, fields);
  readonly error = (message: unknown, fields?: unknown): void => this.line("error", message, fields);

  /** Writes a line. Both may be anything: a message that is no text, such as an error, becomes the field `error` as well. */
  line(level: LogLevel, message: unknown, fields?: unknown): void {
    if (!this.enabled(level)) return;
    let all = activeSpan();
    for (const add of [() => resolve(this.fields), () => errorField(message), () => fieldsOf(fields)]) {
      try {
        all = { ...all, ...add() };
      } catch (error) {
        all = { ...all, unwritable_fields: textOf(error) };
      }
    }
    const text = textOf(message);
    if (this.#isHeldBack(level, text, all)) return;
    this.#emit(level, text, all);
  }

  /** Only warnings and errors are limited: handlers log their own work at `info` and `debug`. */
  #isHeldBack(level: LogLevel, message: string, fields: LogFields): boolean {
    if (level !== "warn" && level !== "error") return false;
    const { function: functionName, error } = fields;
    const cause = error === undefined ? "" : textOf(error);
    return this.options.dedup?.holdsBack(level, functionName, `${message} ${cause}`, (heldBack, windowMs) => {
      const more = `${message} … and ${heldBack.toLocaleString("en")} more in ${windowMs / 1_000} s`;
      const name = functionName !== undefined && { function: functionName };
      this.#emit(level, more, { ...name, held_back: heldBack });
    }) ?? false;
  }

  #emit(level: LogLevel, message: string, fields: LogFields): void {
    const { redact = unchanged, send } = this.options;
    const time = new Date().toISOString();
    const format = this.options.format === "json" ? json : pretty;
    let line: string;
    try {
      line = format(time, level, redact(message), fields, redact);
    } catch {
      line = format(time, level, redact(message), asWritten(fields, redact), redact);
    }
    try {
      this.#write(line);
    } catch {
      // Standard output was closed by its reader. The process must go on, and there is nowhere to report it.
    }
    send?.({ level, message, fields });
  }
}

/** Returns the ids of the active span. Fields of the same name override them. */
function activeSpan(): LogFields {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

function unchanged(text: string): string {
  return text;
}

function json(time: string, level: LogLevel, message: string, fields: LogFields, redact: Redact): string {
  const own = { time, level, message };
  return stringify({ ...own, ...fields, ...own }, redact); // first on the line, and not overridden by fields
}

function errorField(message: unknown): LogFields {
  return typeof message === "string" ? {} : { error: message };
}

/** Returns the fields with text instead of those that cannot be written, such as an object with a getter that throws. */
function asWritten(fields: LogFields, redact: Redact): LogFields {
  const written = ([key, value]: [string, unknown]) => {
    try {
      stringify(value, redact);
      return [key, value];
    } catch {
      return [key, textOf(value)];
    }
  };
  return Object.fromEntries(Object.entries(fields).map(written));
}

function resolve(fields: LogFields | (() => LogFields)): LogFields {
  return typeof fields === "function" ? fields() : fields;
}

function pretty(time: string, level: LogLevel, message: string, fields: LogFields, redact: Redact): string {
  const { function: functionName, span_id: _, ...rest } = fields;
  const text = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === "string" ? redact(value) : stringify(value, redact)}`)
    .join(" ");
  const name = functionName === undefined ? "" : styleText("bold", `${functionName} `);
  return `${dim(time.slice(11, 23))} ${styleText(COLOR[level], level.padEnd(5))} ${name}${message} ${dim(text)}`;
}

/** `styleText` writes colours only to a terminal that shows them, and not if `NO_COLOR` is set. */
function dim(text: string): string {
  return styleText("gray", text);
}

/** Returns JSON, also of errors, bigints and circular values. */
function stringify(value: unknown, redact: Redact): string {
  const seen = new WeakSet<object>();
  return JSON.stringify(value, (_key, inner) => {
    if (typeof inner === "string") return redact(inner);
    if (typeof inner === "bigint") return String(inner);
    if (typeof inner !== "object" || inner === null) return inner;
    if (seen.has(inner)) return "[seen above]";
    seen.add(inner);
    if (inner instanceof Error) {
      const { name, message, stack, cause } = inner, { code, errors } = inner as { code?: unknown; errors?: unknown };
      return { name, message, code, errors, stack, cause };
    }
    return isThrown(inner) ? redact(textOf(inner)) : inner;
  }) ?? "undefined";
}

function writeLine(line: string): void {
  const bytes = UTF8.encode(line + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
